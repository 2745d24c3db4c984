#include "server/model_lists.hpp"

#include "router/snapshot.hpp"

#include <algorithm>

namespace tollgate::server {
namespace {

constexpr std::chrono::minutes kRetryAfter{1};

std::string key_of(const router::Provider& provider) {
    return provider.settings.name + " " + provider.endpoint.base_url;
}

}  // namespace

std::shared_ptr<const ModelLists::Ids> ModelLists::find(const router::Provider& provider) const {
    const std::scoped_lock lock(mutex_);
    const auto found = entries_.find(key_of(provider));
    return found == entries_.end() ? nullptr : found->second.ids;
}

bool ModelLists::claim(const router::Provider& provider, Clock::time_point now,
                       Clock::duration max_age) {
    const std::scoped_lock lock(mutex_);
    Entry& entry = entries_[key_of(provider)];
    if (now < entry.next) {
        return false;
    }
    entry.next = now + std::max<Clock::duration>(2 * kListTimeout, max_age);
    return true;
}

void ModelLists::put(const router::Provider& provider, Ids ids, Clock::time_point now,
                     Clock::duration max_age) {
    auto shared = std::make_shared<const Ids>(std::move(ids));
    const std::scoped_lock lock(mutex_);
    entries_[key_of(provider)] = {.ids = std::move(shared), .next = now + max_age};
}

void ModelLists::fail(const router::Provider& provider, Clock::time_point now,
                      Clock::duration max_age) {
    const std::scoped_lock lock(mutex_);
    entries_[key_of(provider)].next = now + std::min<Clock::duration>(kRetryAfter, max_age);
}

}  // namespace tollgate::server
