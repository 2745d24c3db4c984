// Who may call, and what is limited for whom: everything that a request looks up about its caller.
#pragma once

#include "router/keys/key.hpp"
#include "router/limits/lease.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tollgate::router {

/// Behind the name of a key in the scope of a rule: the key's own limits are counted under the
/// name.
inline constexpr std::string_view kRuleSuffix = " (rule)";

/// The limits and budgets of the configuration that are not one key's own.  Immutable.
class RuleSet {
public:
    [[nodiscard]] static std::shared_ptr<const RuleSet> make(const config::Settings& settings,
                                                             LimitStore& store);
    /// Null where nothing is limited.
    [[nodiscard]] const ScopeLimits* find(config::ScopeKind kind, std::string_view name) const;
    /// The rules for `model`, at that provider or at any, are added to `out`.
    void find_model(std::string_view provider, std::string_view model, Scopes& out) const;
    [[nodiscard]] const std::vector<std::unique_ptr<const ScopeLimits>>& all() const noexcept {
        return all_;
    }
    /// There are rules for providers or models.
    [[nodiscard]] bool has_targets() const noexcept {
        return has(config::ScopeKind::provider) || has(config::ScopeKind::model);
    }

private:
    [[nodiscard]] bool has(config::ScopeKind kind) const noexcept {
        return !by_kind_[static_cast<std::size_t>(kind)].empty();
    }
    std::vector<std::unique_ptr<const ScopeLimits>> all_;
    std::array<std::unordered_map<std::string_view, const ScopeLimits*>, 6> by_kind_;
};

/// Immutable; a change makes another one, which shares the keys that stay.
class CallerTable {
public:
    CallerTable(std::vector<KeyPtr> keys, std::shared_ptr<const RuleSet> rules, bool requires_key);

    /// Callers without a key are refused.
    [[nodiscard]] bool requires_key() const noexcept { return requires_key_; }
    /// The key of a secret, by the secret's hash; null when there is none, or none that is valid
    /// now.  The time does not depend on how much of a hash is right.
    [[nodiscard]] const Key* find(const Digest& digest, WallTime now) const noexcept;
    /// The same by the subject of a client certificate that was checked; empty: null.
    [[nodiscard]] const Key* certified(std::string_view subject, WallTime now) const noexcept;
    [[nodiscard]] const RuleSet& rules() const noexcept { return *rules_; }
    [[nodiscard]] const std::vector<KeyPtr>& keys() const noexcept { return keys_; }

    /// What is limited for a caller, whatever target it asks for.  `tags`: the key's and the
    /// request's.
    void caller_scopes(const Key* key, std::span<const std::string> tags, Scopes& out) const;

private:
    struct Slot {
        std::uint32_t tag = 0;  // of the digest
        std::uint32_t key = 0;  // twice the index + 1, and 1 for the previous digest; 0: free
    };
    void place(const Digest& digest, std::size_t index, bool is_previous);

    std::vector<KeyPtr> keys_;
    std::vector<Slot> slots_;  // open addressing, a power of two, at most four fifths full
    std::unordered_map<std::string_view, const Key*> by_subject_;
    std::shared_ptr<const RuleSet> rules_;
    bool requires_key_;
};
using CallerTablePtr = std::shared_ptr<const CallerTable>;

}  // namespace tollgate::router
