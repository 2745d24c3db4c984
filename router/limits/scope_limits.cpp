#include "router/limits/scope_limits.hpp"

#include <algorithm>
#include <bit>
#include <string_view>

namespace tollgate::router {
namespace {

// FNV-1a, then the mixer of MurmurHash3.
std::uint64_t hash_of(std::uint64_t seed, config::ScopeKind kind, std::string_view name) noexcept {
    std::uint64_t h = (seed ^ static_cast<std::uint64_t>(kind)) * 0x100000001b3ULL;
    for (const char c : name) {
        h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    }
    h = (h ^ h >> 33) * 0xff51afd7ed558ccdULL;
    h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53ULL;
    return h ^ h >> 33;
}

}  // namespace

LocalLimits::LocalLimits(std::function<WallTime()> now, Spent spent)
    : now_(std::move(now)), spent_(std::move(spent)) {}

LocalLimits::Owner LocalLimits::owner_of(const config::Scope& scope) noexcept {
    return {.hash = hash_of(0xcbf29ce484222325ULL, scope.kind, scope.name) | 1,  // 0 is a free slot
            .check =
                static_cast<std::uint32_t>(hash_of(0x9e3779b97f4a7c15ULL, scope.kind, scope.name))};
}

// Of a scope's further budgets.
LocalLimits::Owner LocalLimits::owner_of(const config::Scope& scope, config::Period per) noexcept {
    Owner owner = owner_of(scope);
    owner.hash += (static_cast<std::uint64_t>(per) + 1) << 1;
    return owner;
}

const LocalLimits::Slot* LocalLimits::find(const Owner& owner) const noexcept {
    if (slots_.empty()) {
        return nullptr;
    }
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t at = owner.hash >> 1 & mask; slots_[at].hash != 0; at = (at + 1) & mask) {
        if (slots_[at].hash == owner.hash) {
            return &slots_[at];
        }
    }
    return nullptr;
}

LocalLimits::Slot& LocalLimits::place(const Owner& owner) {
    if (const Slot* const found = find(owner)) {
        return slots_[static_cast<std::size_t>(found - slots_.data())];
    }
    if (8 * (used_ + 1) > 7 * slots_.size()) {
        resize();
    }
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = owner.hash >> 1 & mask;
    while (slots_[at].hash != 0) {
        at = (at + 1) & mask;
    }
    ++used_;
    slots_[at].hash = owner.hash;
    return slots_[at];
}

// As large as what is in use needs, and room for a seventh more.
void LocalLimits::resize() {
    const auto in_use = static_cast<std::size_t>(
        std::ranges::count_if(slots_, [](const Slot& slot) { return !slot.is_free(); }));
    std::vector<Slot> slots(std::bit_ceil(std::max<std::size_t>(16, in_use * 8 / 7 + 2)));
    slots.swap(slots_);
    used_ = 0;
    const std::size_t mask = slots_.size() - 1;
    for (Slot& slot : slots) {
        if (slot.is_free()) {
            continue;
        }
        std::size_t at = slot.hash >> 1 & mask;
        while (slots_[at].hash != 0) {
            at = (at + 1) & mask;
        }
        slots_[at] = std::move(slot);
        ++used_;
    }
}

void LocalLimits::sweep() {
    const std::lock_guard lock(mutex_);
    const auto unused = static_cast<std::size_t>(std::ranges::count_if(
        slots_, [](const Slot& slot) { return slot.hash != 0 && slot.is_free(); }));
    if (4 * unused > used_) {
        resize();
    }
}

std::shared_ptr<Rates> LocalLimits::rates(const config::Scope& scope,
                                          const config::KeyLimits& limits) {
    if (limits == config::KeyLimits()) {
        return nullptr;
    }
    const std::lock_guard lock(mutex_);
    const Owner owner = owner_of(scope);
    Slot& slot = place(owner);
    std::shared_ptr<Rates> rates = slot.rates.lock();
    if (!rates || rates->owner != owner.check) {
        rates = std::make_shared<Rates>();
        rates->owner = owner.check;
        slot.rates = rates;
    }
    rates->requests.set_limit(limits.rpm);
    rates->tokens.set_limit(limits.tpm);
    rates->concurrency.set_limit(limits.concurrency);
    return rates;
}

// The first budget of a scope is where its rates are, others have slots of their own.
std::shared_ptr<Budget> LocalLimits::known(const config::Scope& scope, config::Period per) const {
    for (const Owner& owner : {owner_of(scope), owner_of(scope, per)}) {
        const Slot* const slot = find(owner);
        std::shared_ptr<Budget> budget = slot == nullptr ? nullptr : slot->budget.lock();
        if (budget && budget->per() == per && budget->owner() == owner.check) {
            return budget;
        }
    }
    return nullptr;
}

void LocalLimits::remember(const config::Scope& scope, const std::shared_ptr<Budget>& budget) {
    Slot& first = place(owner_of(scope));
    if (first.budget.expired()) {
        first.budget = budget;
    } else {
        place(owner_of(scope, budget->per())).budget = budget;
    }
}

std::shared_ptr<Budget> LocalLimits::budget(const config::Scope& scope,
                                            const config::KeyBudget& budget) {
    constexpr Pico kPicoPerMicro = 1'000'000;
    const Pico limit = budget.usd.micros * kPicoPerMicro;
    {
        const std::lock_guard lock(mutex_);
        if (std::shared_ptr<Budget> same = known(scope, budget.per)) {
            same->set_limit(limit);
            return same;
        }
    }
    const WallTime now = now_();
    auto fresh = std::make_shared<Budget>(budget.per, limit, now, owner_of(scope).check);
    // Not under the lock: it may take long, and a scrape would wait for it.
    if (const Pico spent = spent_ ? spent_(scope, budget.per, window_at(budget.per, now)) : 0;
        spent != 0) {
        fresh->restore(spent, now, thresholds_);
    }
    const std::lock_guard lock(mutex_);
    remember(scope, fresh);
    return fresh;
}

}  // namespace tollgate::router
