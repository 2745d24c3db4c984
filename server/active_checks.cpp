#include "server/active_checks.hpp"

#include "router/listing.hpp"
#include "server/relay.hpp"
#include "server/upstream/fetch_models.hpp"
#include "server/worker.hpp"

#include <algorithm>
#include <memory>
#include <string>

namespace tollgate::server {
namespace {

// How often it is looked whether a provider has become silent, as a part of `every`.
constexpr int kLooks = 4;
// A list is read to its end, so that the connection can be kept; up to here.
constexpr std::size_t kMostList = 4 * 1024 * 1024;

}  // namespace

ActiveChecks::ActiveChecks(Worker& worker)
    : Deadline(worker.reactor()),
      worker_(worker),
      interrupt_(worker.reactor()),
      deadline_(worker.reactor(), interrupt_),
      tasks_(worker.reactor(), [this](std::string_view what) { worker_.report_bug(what); }),
      began_(Reactor::now()) {}

void ActiveChecks::start() {
    const auto every = worker_.snapshot()->settings().failover.checks.every;
    if (stopped_ || every.count() == 0) {
        clear();
        return;
    }
    set(Reactor::now() + Clock::duration(every) / kLooks);
}

Task<void> ActiveChecks::stop() {
    stopped_ = true;
    clear();
    interrupt_.fire(Cause::shutdown);
    Interrupt never(worker_.reactor());
    co_await tasks_.wait_empty(never);
}

void ActiveChecks::expired() {
    if (tasks_.size() == 0) {
        tasks_.spawn(check_all());
    }
    start();
}

// One after another: a list is asked for at leisure.
Task<void> ActiveChecks::check_all() {
    const router::SnapshotPtr snapshot = worker_.snapshot();
    const auto every = snapshot->settings().failover.checks.every;
    for (const router::Provider& provider : snapshot->providers()) {
        if (!router::has_model_list(provider) || stopped_) {
            continue;
        }
        const auto asked = asked_.find(provider.reach);
        const Clock::time_point since = asked == asked_.end() ? began_ : asked->second;
        if (router::check_is_due(provider, every, since, Reactor::now())) {
            asked_[provider.reach] = Reactor::now();
            co_await check(snapshot, provider);
        }
    }
}

Task<void> ActiveChecks::check(const router::SnapshotPtr& snapshot,
                               const router::Provider& provider) {
    const router::KeyChoice key =
        router::choose_key(*snapshot, provider, worker_.random(), Reactor::now());
    const Result<unsigned> status = co_await ask(snapshot, provider, key);
    deadline_.clear();
    if (stopped_) {
        co_return;  // it says nothing about the provider
    }
    interrupt_.reset();
    const std::string& name = provider.endpoint.provider;
    switch (router::note_check(*snapshot, provider, key, status, Reactor::now())) {
        case router::CheckNews::none:
            break;
        case router::CheckNews::unreachable:
            worker_.logger().log(metrics::Level::warn, "provider unreachable",
                                 {{"provider", name},
                                  {"upstream_status", status ? *status : 0U},
                                  {"detail", status ? std::string_view()
                                                    : std::string_view(status.error().detail)}});
            break;
        case router::CheckNews::reachable:
            worker_.logger().log(metrics::Level::info, "provider reachable again",
                                 {{"provider", name}});
            break;
        case router::CheckNews::key_refused:
            worker_.logger().log(metrics::Level::error, "key in quarantine",
                                 {{"provider", name},
                                  {"key", key.index + 1},
                                  {"keys", std::max<std::size_t>(provider.keys.size(), 1)},
                                  {"upstream_status", *status}});
            break;
    }
}

// The status of GET models.  Each step has the provider's own time for it.
Task<Result<unsigned>> ActiveChecks::ask(const router::SnapshotPtr& snapshot,
                                         const router::Provider& provider,
                                         const router::KeyChoice& key) {
    Result<upstream::Origin*> origin = worker_.origin(snapshot, provider);
    if (!origin) {
        co_return std::unexpected(std::move(origin.error()));
    }
    const config::ProviderTimeouts& timeouts = provider.settings.timeouts;
    const upstream::FetchWiring wiring{.pool = worker_.pool(),
                                       .tokens = worker_.tokens(),
                                       .origin = **origin,
                                       .provider = provider,
                                       .scratch = worker_.scratch(),
                                       .key_index = key.index};
    adapters::UpstreamRequest request;
    deadline_.arm(Cause::connect_timeout, Reactor::now() + timeouts.connect);
    const Result<std::unique_ptr<upstream::Call>> made =
        co_await upstream::models_call(wiring, request, interrupt_);
    if (!made) {
        co_return std::unexpected(made.error());
    }
    upstream::Call& call = **made;
    Result<void> step;
    if (!call.connect_at_once()) {
        step = co_await call.connect(interrupt_);
    }
    upstream::CallHead head;
    deadline_.arm(Cause::first_byte_timeout, Reactor::now() + timeouts.first_byte);
    if (step) {
        step = co_await call.send(request, interrupt_);
    }
    if (step) {
        step = co_await call.receive_head(head, interrupt_);
    }
    if (!step) {
        co_return std::unexpected(explain_interrupt(interrupt_, std::move(step.error())));
    }
    deadline_.arm(Cause::stream_timeout, Reactor::now() + timeouts.idle);
    for (std::size_t read = 0; read < kMostList && !call.is_complete();) {
        const Result<std::string_view> bytes = co_await call.receive(interrupt_);
        if (!bytes || bytes->empty()) {
            break;
        }
        read += bytes->size();
    }
    co_return head.status;
}

}  // namespace tollgate::server
