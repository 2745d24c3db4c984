// The keys and limits of the process: made from the configuration and from the keys that were made
// at run time, handed to the workers as one immutable table.
#pragma once

#include "metrics/registry.hpp"
#include "router/keys/caller_table.hpp"
#include "router/limits/rejections.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tollgate::server {

/// Nothing here is on a request's path.
class KeyDirectory {
public:
    explicit KeyDirectory(router::LocalLimits& limits) : limits_(limits) {}

    // ---- one thread at a time ----

    /// Takes the configuration's keys and rules.
    [[nodiscard]] router::CallerTablePtr configure(const config::Settings& settings);
    [[nodiscard]] router::KeyPtr make(const router::KeySpec& spec);
    /// Takes all keys that were made at run time; from then on every caller needs a key.
    [[nodiscard]] router::CallerTablePtr replace(std::vector<router::KeyPtr> made);
    /// Takes one of them that is new or has changed.
    [[nodiscard]] router::CallerTablePtr change(const router::KeySpec& made);
    [[nodiscard]] router::CallerTablePtr remove(std::string_view name);

    // ---- any thread ----

    [[nodiscard]] router::CallerTablePtr table() const;
    /// For a scrape.
    [[nodiscard]] metrics::LimitFigures figures(const router::LimitRejections& rejections);

private:
    [[nodiscard]] router::CallerTablePtr publish(std::vector<router::KeyPtr> all);
    [[nodiscard]] std::span<const router::KeyPtr> configured_keys() const;
    [[nodiscard]] std::span<const router::KeyPtr> made_keys() const;
    [[nodiscard]] std::uint16_t label(const config::KeySettings& key);

    router::LocalLimits& limits_;
    router::KeyProfiles profiles_;
    std::size_t configured_ = 0;  // keys of the table; the others were made at run time
    std::shared_ptr<const router::RuleSet> rules_ = std::make_shared<const router::RuleSet>();
    bool requires_key_ = false;
    bool has_made_ = false;
    mutable std::mutex mutex_;  // of what follows
    router::CallerTablePtr table_;
    std::map<std::pair<std::string, std::string>, std::uint16_t> labels_;  // of key and team
};

}  // namespace tollgate::server
