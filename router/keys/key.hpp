// A caller's key as requests see it.
#pragma once

#include "config/settings.hpp"
#include "router/limits/scope_limits.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
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

/// What many keys have in common, kept once.
struct KeyProfile {
    std::string team;
    std::vector<std::string> models;  ///< empty: all
    std::vector<std::string> tags;
    [[nodiscard]] auto operator<=>(const KeyProfile&) const = default;
};
using KeyProfilePtr = std::shared_ptr<const KeyProfile>;
/// Hands out one object for equal profiles.
class KeyProfiles {
public:
    [[nodiscard]] KeyProfilePtr get(const config::KeySettings& key);
    /// Forgets those that no key has any more.
    void sweep();

private:
    struct Less {
        bool operator()(const KeyProfilePtr& a, const KeyProfilePtr& b) const { return *a < *b; }
    };
    std::set<KeyProfilePtr, Less> known_;
};

/// What few keys have.
struct KeyExtra {
    Digest previous{};
    WallTime previous_until = WallTime::min();  ///< `previous` is valid until then
    std::string certificate_subject;            ///< empty: none
};

/// Compact, as there may be tens of thousands; immutable but for the counters.
struct Key {
    Digest digest{};
    WallTime expires = WallTime::max();
    KeyProfilePtr profile;
    std::unique_ptr<const KeyExtra> extra;  ///< null: nothing of it
    ScopeLimits limits;                     ///< its scope's name is the key's
    std::uint16_t label = 0;                ///< in metrics
    bool has_digest = false;  ///< without: a client certificate alone says whose it is
    bool enabled = true;

    [[nodiscard]] const std::string& name() const noexcept { return limits.scope.name; }

    /// `profiles` null: it has one of its own.
    [[nodiscard]] static std::shared_ptr<const Key> make(const KeySpec& spec, std::uint16_t label,
                                                         LimitStore& store,
                                                         KeyProfiles* profiles = nullptr);
};
using KeyPtr = std::shared_ptr<const Key>;

}  // namespace tollgate::router
