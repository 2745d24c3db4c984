// Tells webhooks of budgets that near their end: on a thread with an event loop of its own, so that
// no request waits for them.
#pragma once

#include "config/settings.hpp"
#include "metrics/log.hpp"
#include "router/limits/lease.hpp"
#include "server/io/reactor.hpp"
#include "server/io/task_group.hpp"
#include "server/upstream/pool.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <vector>

namespace tollgate::server {

enum class AlertResult : std::uint8_t { sent, failed, dropped };
inline constexpr std::array<std::string_view, 3> kAlertResults{"sent", "failed", "dropped"};

/// Each alert goes to each webhook once; a webhook that does not take it is tried again, with
/// growing waits, for some minutes.
class AlertSender final : private upstream::PoolObserver {
public:
    explicit AlertSender(metrics::Logger& logger);
    ~AlertSender();
    AlertSender(const AlertSender&) = delete;
    AlertSender& operator=(const AlertSender&) = delete;

    // ---- any thread ----

    void configure(const config::AlertSettings& settings);
    /// Does not wait.
    void raise(const router::Alert& alert);
    /// How many had that result.
    [[nodiscard]] std::uint64_t count(AlertResult result) const noexcept {
        return counts_[static_cast<std::size_t>(result)].load(std::memory_order_relaxed);
    }
    /// What is under way has a moment to end.
    void stop();

private:
    struct Delivery {
        std::string url;
        std::string body;
    };
    enum class Answer : std::uint8_t { taken, refused, later };
    [[nodiscard]] Task<void> deliver(Delivery delivery);
    [[nodiscard]] Task<Answer> post(const Delivery& delivery, Interrupt& interrupt,
                                    std::string& problem);
    [[nodiscard]] Task<void> end();
    void finish(AlertResult result) noexcept {
        counts_[static_cast<std::size_t>(result)].fetch_add(1, std::memory_order_relaxed);
    }
    void upstream_connections(const upstream::Origin&, int, int) override {}
    void pool_event(const upstream::Origin&, upstream::PoolEvent) override {}

    metrics::Logger& logger_;
    std::mutex mutex_;  // of the settings
    config::AlertSettings settings_;
    std::array<std::atomic<std::uint64_t>, kAlertResults.size()> counts_{};
    std::atomic<std::size_t> waiting_{0};
    std::atomic<bool> stopping_{false};
    std::vector<char> scratch_;
    Reactor reactor_;
    upstream::Pool pool_;
    std::unordered_set<Interrupt*> running_;
    TaskGroup tasks_;
    TaskGroup ending_;
    std::jthread thread_;
};

}  // namespace tollgate::server
