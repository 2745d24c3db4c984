#include "router/keys/caller_table.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>

namespace tollgate::router {
namespace {

// Where the search begins, and what a slot keeps of a digest: different bytes of it.
struct Start {
    std::uint32_t place = 0;
    std::uint32_t tag = 0;
    explicit Start(const Digest& digest) noexcept {
        std::memcpy(&place, digest.data(), sizeof place);
        std::memcpy(&tag, digest.data() + sizeof place, sizeof tag);
    }
};

bool same(const Digest& a, const Digest& b) noexcept {
    unsigned difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        difference |= static_cast<unsigned>(a[i] ^ b[i]);
    }
    return difference == 0;
}

}  // namespace

std::shared_ptr<const RuleSet> RuleSet::make(const config::Settings& settings, LimitStore& store) {
    std::map<config::Scope, config::KeyLimits> rates;
    std::map<config::Scope, std::vector<config::KeyBudget>> budgets;
    for (const config::LimitRule& rule : settings.limits.rules) {
        config::KeyLimits& limits = rates[rule.scope];  // a second rule adds what the first lacks
        limits.rpm = limits.rpm != 0 ? limits.rpm : rule.limits.rpm;
        limits.tpm = limits.tpm != 0 ? limits.tpm : rule.limits.tpm;
        limits.concurrency = limits.concurrency != 0 ? limits.concurrency : rule.limits.concurrency;
        budgets[rule.scope];
    }
    for (const config::BudgetRule& rule : settings.budgets) {
        budgets[rule.scope].push_back(rule.budget);
    }
    auto rules = std::make_shared<RuleSet>();
    for (const auto& [scope, list] : budgets) {
        auto limits = std::make_unique<ScopeLimits>();
        limits->scope = scope;
        if (scope.kind == config::ScopeKind::key) {
            limits->scope.name += kRuleSuffix;
        }
        limits->rates = store.rates(limits->scope, rates[scope]);
        for (const config::KeyBudget& budget : list) {
            limits->budgets.push_back(store.budget(limits->scope, budget));
        }
        const std::string_view name =
            std::string_view(limits->scope.name).substr(0, scope.name.size());
        rules->by_kind_[static_cast<std::size_t>(scope.kind)].emplace(name, limits.get());
        rules->all_.push_back(std::move(limits));
    }
    return rules;
}

const ScopeLimits* RuleSet::find(config::ScopeKind kind, std::string_view name) const {
    const auto& names = by_kind_[static_cast<std::size_t>(kind)];
    if (names.empty()) {
        return nullptr;
    }
    const auto found = names.find(name);
    return found == names.end() ? nullptr : found->second;
}

void RuleSet::find_model(std::string_view provider, std::string_view model, Scopes& out) const {
    for (const auto& [name, limits] :
         by_kind_[static_cast<std::size_t>(config::ScopeKind::model)]) {
        const bool qualified = name.size() > provider.size() && name.starts_with(provider) &&
                               name[provider.size()] == '/' &&
                               name.substr(provider.size() + 1) == model;
        if (name == model || qualified) {
            out.push_back(limits);
        }
    }
}

CallerTable::CallerTable(std::vector<KeyPtr> keys, std::shared_ptr<const RuleSet> rules,
                         bool requires_key)
    : keys_(std::move(keys)), rules_(std::move(rules)), requires_key_(requires_key) {
    const auto wanted = static_cast<std::size_t>(std::ranges::count_if(
                            keys_, [](const KeyPtr& key) { return key->extra != nullptr; })) +
                        keys_.size();
    slots_.resize(std::bit_ceil(std::max<std::size_t>(wanted + wanted / 4 + 1, 16)));
    for (std::size_t i = 0; i < keys_.size(); ++i) {
        const Key& key = *keys_[i];
        if (!key.enabled) {
            continue;
        }
        if (key.has_digest) {
            place(key.digest, i, false);
        }
        if (key.extra != nullptr && !key.extra->certificate_subject.empty()) {
            by_subject_.emplace(key.extra->certificate_subject, &key);
        }
        if (key.extra != nullptr && key.extra->previous_until > WallTime::min()) {
            place(key.extra->previous, i, true);
        }
    }
}

void CallerTable::place(const Digest& digest, std::size_t index, bool is_previous) {
    const std::size_t mask = slots_.size() - 1;
    const Start start(digest);
    std::size_t at = start.place & mask;
    while (slots_[at].key != 0) {
        at = (at + 1) & mask;
    }
    slots_[at] = {.tag = start.tag,
                  .key = static_cast<std::uint32_t>(2 * (index + 1) + (is_previous ? 1 : 0))};
}

// Which slot is looked at depends on the hash of what the caller sent, which tells nothing about
// the secrets; the rest of a hash that begins alike is compared in constant time.
const Key* CallerTable::find(const Digest& digest, WallTime now) const noexcept {
    const std::size_t mask = slots_.size() - 1;
    const Start start(digest);
    for (std::size_t at = start.place & mask; slots_[at].key != 0; at = (at + 1) & mask) {
        const Slot& slot = slots_[at];
        if (slot.tag != start.tag) {
            continue;
        }
        const Key& key = *keys_[slot.key / 2 - 1];
        const bool is_previous = (slot.key & 1) != 0;
        if (!same(is_previous ? key.extra->previous : key.digest, digest)) {
            continue;
        }
        const WallTime until =
            is_previous ? std::min(key.extra->previous_until, key.expires) : key.expires;
        return now < until ? &key : nullptr;
    }
    return nullptr;
}

const Key* CallerTable::certified(std::string_view subject, WallTime now) const noexcept {
    const auto found = subject.empty() ? by_subject_.end() : by_subject_.find(subject);
    return found != by_subject_.end() && now < found->second->expires ? found->second : nullptr;
}

void CallerTable::caller_scopes(const Key* key, std::span<const std::string> tags,
                                Scopes& out) const {
    using config::ScopeKind;
    const auto add = [&](ScopeKind kind, std::string_view name) {
        const ScopeLimits* const limits = rules_->find(kind, name);
        if (limits != nullptr && std::ranges::find(out, limits) == out.end()) {
            out.push_back(limits);
        }
    };
    add(ScopeKind::everything, {});
    if (key != nullptr) {
        if (key->limits.rates != nullptr || !key->limits.budgets.empty()) {
            out.push_back(&key->limits);
        }
        add(ScopeKind::key, key->name());
        if (!key->profile->team.empty()) {
            add(ScopeKind::team, key->profile->team);
        }
    }
    for (const std::string& tag : tags) {
        add(ScopeKind::tag, tag);
    }
}

}  // namespace tollgate::router
