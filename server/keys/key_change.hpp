// What an operator may say about a key that is made at run time, when it is made or later.
#pragma once

#include "adapters/codec/json.hpp"
#include "config/settings.hpp"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::server {

/// What is not set stays as it is.
struct KeyChange {
    std::optional<bool> enabled = {};
    std::optional<std::string> team = {};
    std::optional<std::vector<std::string>> models = {};
    std::optional<std::vector<std::string>> tags = {};
    std::optional<std::optional<config::KeyBudget>> budget = {};
    std::optional<std::uint64_t> rpm = {};
    std::optional<std::uint64_t> tpm = {};
    std::optional<unsigned> concurrency = {};
    std::optional<std::optional<config::Timestamp>> expires = {};

    void apply(config::KeySettings& key) const;
};

/// One setting as words: "team" "search", "models" "smart,openai/*", "tags" "a,b", "budget"
/// "20/month" or "none", "rpm" "60", "tpm", "concurrency", "expires" "2027-01-31", "30d" (from
/// `now`) or "never".  Fails with a sentence.
[[nodiscard]] std::expected<void, std::string> set(KeyChange& change, std::string_view name,
                                                   std::string_view text, config::Timestamp now);

/// Of {"enabled": true, "team": "", "models": [], "tags": [], "budget": {"usd": 20, "per":
/// "month"}, "limits": {"rpm": 0, "tpm": 0, "concurrency": 0}, "expires": "2027-01-31"}; null takes
/// a budget, limits or an expiry away.  `name` is read where `wants_name`.  Fails with a sentence.
struct KeyRequest {
    std::string name;
    KeyChange change;
};
[[nodiscard]] std::expected<KeyRequest, std::string> read_key_request(json::Value object,
                                                                      bool wants_name,
                                                                      config::Timestamp now);

}  // namespace tollgate::server
