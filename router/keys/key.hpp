// A caller's key as requests see it.
#pragma once

#include "config/settings.hpp"
#include "router/limits/scope_limits.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::router {

/// SHA-256 of a secret.
using Digest = std::array<unsigned char, 32>;
/// From "sha256:" and hex, as the configuration holds it.
[[nodiscard]] std::optional<Digest> parse_digest(std::string_view text) noexcept;
[[nodiscard]] std::string to_text(const Digest& digest);

/// What is known about a key, wherever it was made.
struct KeySpec {
    config::KeySettings settings;
    WallTime previous_until = WallTime::max();  ///< how long settings.previous_hash is valid
};

/// Compact, as there may be tens of thousands; immutable but for the counters.
struct Key {
    bool has_digest = false;  ///< without: a client certificate alone says whose it is
    Digest digest{};
    Digest previous{};
    WallTime expires = WallTime::max();
    WallTime previous_until = WallTime::min();  ///< `previous` is valid until then
    bool enabled = true;
    bool made_at_run_time = false;
    std::uint16_t label = 0;          ///< in metrics; 0: one of many
    std::string certificate_subject;  ///< empty: none
    std::string team;
    std::vector<std::string> models;  ///< empty: all
    std::vector<std::string> tags;
    ScopeLimits limits;  ///< its scope's name is the key's

    [[nodiscard]] const std::string& name() const noexcept { return limits.scope.name; }

    [[nodiscard]] static std::shared_ptr<const Key> make(const KeySpec& spec, bool made_at_run_time,
                                                         std::uint16_t label, LimitStore& store);
};
using KeyPtr = std::shared_ptr<const Key>;

}  // namespace tollgate::router
