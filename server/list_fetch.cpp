#include "server/list_fetch.hpp"

#include "router/listing.hpp"
#include "server/upstream/fetch_models.hpp"
#include "server/worker.hpp"

namespace tollgate::server {
namespace {

class ListFetch final : public BackgroundJob {
public:
    ListFetch(Worker& worker, router::SnapshotPtr snapshot, const router::Provider& provider)
        : BackgroundJob(worker.reactor()),
          worker_(worker),
          snapshot_(std::move(snapshot)),
          provider_(provider) {}

    Task<void> run() override {
        InterruptDeadline deadline(worker_.reactor(), interrupt);
        deadline.arm(Cause::total_timeout, Reactor::now() + kListTimeout);
        Result<std::vector<std::string>> ids = co_await fetch();
        const Clock::duration max_age = snapshot_->settings().catalog_refresh;
        ModelLists& lists = worker_.shared().model_lists;
        if (ids) {
            lists.put(provider_, std::move(*ids), Reactor::now(), max_age);
            co_return;
        }
        lists.fail(provider_, Reactor::now(), max_age);
        if (interrupt.cause() != Cause::shutdown) {
            const std::string detail = interrupt.fired() ? "It took too long." : ids.error().detail;
            worker_.logger().log(metrics::Level::warn, "the vendor's list of models did not come",
                                 {{"provider", provider_.settings.name}, {"detail", detail}});
        }
    }

private:
    Task<Result<std::vector<std::string>>> fetch() {
        Result<upstream::Origin*> origin = worker_.origin(snapshot_, provider_);
        if (!origin) {
            co_return std::unexpected(std::move(origin.error()));
        }
        const upstream::FetchWiring wiring{.pool = worker_.pool(),
                                           .tokens = worker_.tokens(),
                                           .origin = **origin,
                                           .provider = provider_,
                                           .scratch = worker_.scratch()};
        co_return co_await upstream::fetch_models(wiring, interrupt);
    }

    Worker& worker_;
    router::SnapshotPtr snapshot_;
    const router::Provider& provider_;
};

}  // namespace

void refresh_model_lists(Worker& worker, const router::SnapshotPtr& snapshot) {
    const Clock::duration max_age = snapshot->settings().catalog_refresh;
    if (max_age == Clock::duration::zero() || worker.draining()) {
        return;
    }
    for (const router::Provider& provider : snapshot->providers()) {
        if (router::has_model_list(provider) &&
            worker.shared().model_lists.claim(provider, Reactor::now(), max_age)) {
            worker.background().start(std::make_unique<ListFetch>(worker, snapshot, provider));
        }
    }
}

}  // namespace tollgate::server
