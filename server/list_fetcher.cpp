#include "server/list_fetcher.hpp"

#include "server/upstream/fetch_models.hpp"
#include "server/worker.hpp"

namespace tollgate::server {

ListFetcher::ListFetcher(Worker& worker)
    : worker_(worker),
      tasks_(worker.reactor(), [&worker](std::string_view what) { worker.report_bug(what); }) {}

void ListFetcher::refresh(const router::SnapshotPtr& snapshot) {
    const Clock::duration max_age = snapshot->settings().catalog_refresh;
    if (max_age == Clock::duration::zero() || worker_.draining()) {
        return;
    }
    for (const router::Provider& provider : snapshot->providers()) {
        if (upstream::has_model_list(provider) &&
            worker_.shared().model_lists.claim(provider, Reactor::now(), max_age)) {
            tasks_.spawn(fetch(snapshot, provider));
        }
    }
}

Task<void> ListFetcher::fetch(router::SnapshotPtr snapshot, const router::Provider& provider) {
    Interrupt interrupt(worker_.reactor());
    InterruptDeadline deadline(worker_.reactor(), interrupt);
    deadline.arm(Cause::total_timeout, Reactor::now() + kListTimeout);
    running_.insert(&interrupt);
    Result<std::vector<std::string>> ids;
    Result<upstream::Origin*> origin = worker_.origin(snapshot, provider);
    if (origin) {
        const upstream::FetchWiring wiring{.pool = worker_.pool(),
                                           .tokens = worker_.tokens(),
                                           .origin = **origin,
                                           .provider = provider,
                                           .scratch = worker_.scratch()};
        ids = co_await upstream::fetch_models(wiring, interrupt);
    } else {
        ids = std::unexpected(std::move(origin.error()));
    }
    running_.erase(&interrupt);
    const Clock::duration max_age = snapshot->settings().catalog_refresh;
    ModelLists& lists = worker_.shared().model_lists;
    if (ids) {
        lists.put(provider, std::move(*ids), Reactor::now(), max_age);
        co_return;
    }
    lists.fail(provider, Reactor::now(), max_age);
    if (interrupt.cause() != Cause::shutdown) {
        const std::string detail = interrupt.fired() ? "It took too long." : ids.error().detail;
        worker_.logger().log(metrics::Level::warn, "the vendor's list of models did not come",
                             {{"provider", provider.settings.name}, {"detail", detail}});
    }
}

Task<void> ListFetcher::stop() {
    for (Interrupt* const interrupt : running_) {
        interrupt->fire(Cause::shutdown);
    }
    Interrupt never(worker_.reactor());
    static_cast<void>(co_await tasks_.wait_empty(never));
}

}  // namespace tollgate::server
