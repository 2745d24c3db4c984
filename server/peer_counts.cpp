#include "server/peer_counts.hpp"

#include <arpa/inet.h>

namespace tollgate::server {

std::string PeerCounts::key_of(std::string_view address) {
    in6_addr bytes{};
    const std::string text(address);
    if (inet_pton(AF_INET6, text.c_str(), &bytes) == 1 && !IN6_IS_ADDR_V4MAPPED(&bytes)) {
        return {reinterpret_cast<const char*>(&bytes), 8};
    }
    return text;
}

std::shared_ptr<PeerCounts::Slot> PeerCounts::enter(std::string_view address, std::size_t limit) {
    std::string key = key_of(address);
    {
        const std::lock_guard lock(mutex_);
        std::size_t& count = counts_[key];
        if (count >= limit) {
            return nullptr;
        }
        ++count;
    }
    return std::make_shared<Slot>(*this, std::move(key));
}

void PeerCounts::leave(const std::string& key) noexcept {
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(key);
    if (found != counts_.end() && --found->second == 0) {
        counts_.erase(found);
    }
}

}  // namespace tollgate::server
