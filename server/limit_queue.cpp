#include "server/limit_queue.hpp"

namespace tollgate::server {

Task<Wake> LimitQueue::enter(const router::Rates& rates, Interrupt& interrupt) {
    const auto [line, is_first] = lines_.try_emplace(&rates);
    if (is_first) {
        co_return Wake::ready;
    }
    const Wake wake = co_await line->second.waiting.wait(interrupt);
    co_return wake;
}

void LimitQueue::leave(const router::Rates& rates) {
    // Not within the caller's stack: each of a long line would stand on the one before.
    reactor_.post_external([this, key = &rates] { next(key); });
}

void LimitQueue::next(const router::Rates* rates) {
    const auto line = lines_.find(rates);
    if (line != lines_.end() && !line->second.waiting.wake_one()) {
        lines_.erase(line);
    }
}

}  // namespace tollgate::server
