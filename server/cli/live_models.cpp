#include "server/cli/live_models.hpp"

#include "router/listing.hpp"
#include "server/io/reactor.hpp"
#include "server/io/task_group.hpp"
#include "server/model_lists.hpp"
#include "server/upstream/fetch_models.hpp"
#include "server/upstream/origin_spec.hpp"

#include <cstdio>

namespace tollgate::server::cli {
namespace {

constexpr std::size_t kScratchBytes = 64 * 1024;

class Unwatched final : public upstream::PoolObserver {
public:
    void upstream_connections(const upstream::Origin&, int, int) override {}
    void pool_event(const upstream::Origin&, upstream::PoolEvent) override {}
};

class LiveFetch {
public:
    LiveModels run(const router::Snapshot& snapshot, std::string_view only) {
        for (const router::Provider& provider : snapshot.providers()) {
            if (router::has_model_list(provider) &&
                (only.empty() || only == provider.settings.name)) {
                tasks_.spawn(fetch(provider));
            }
        }
        tasks_.spawn(stop_when_done());
        reactor_.run();
        return std::move(found_);
    }

private:
    Task<void> fetch(const router::Provider& provider) {
        ++running_;
        Interrupt interrupt(reactor_);
        InterruptDeadline deadline(reactor_, interrupt);
        deadline.arm(Cause::total_timeout, Reactor::now() + kListTimeout);
        Result<std::vector<std::string>> ids = co_await ask(provider, interrupt);
        if (ids) {
            found_.emplace(&provider, std::move(*ids));
        } else {
            const std::string why = interrupt.fired() ? "it took too long" : ids.error().detail;
            std::fprintf(stderr, "tollgate: the list of %s did not come: %s\n",
                         provider.settings.name.c_str(), why.c_str());
        }
        --running_;
        done_.wake_all();
    }

    Task<Result<std::vector<std::string>>> ask(const router::Provider& provider,
                                               Interrupt& interrupt) {
        Result<upstream::OriginSpec> spec = upstream::origin_spec(provider);
        if (!spec) {
            co_return std::unexpected(std::move(spec.error()));
        }
        const upstream::FetchWiring wiring{
            .pool = pool_,
            .tokens = tokens_,
            .origin = pool_.origin(spec->key(), *spec, provider.label),
            .provider = provider,
            .scratch = scratch_};
        co_return co_await upstream::fetch_models(wiring, interrupt);
    }

    Task<void> stop_when_done() {
        Interrupt never(reactor_);
        while (running_ > 0) {
            static_cast<void>(co_await done_.wait(never));
        }
        reactor_.stop();
    }

    Reactor reactor_;
    Unwatched unwatched_;
    std::vector<char> scratch_ = std::vector<char>(kScratchBytes);
    upstream::Pool pool_{reactor_, unwatched_};
    upstream::TokenCache tokens_{reactor_, pool_, scratch_};
    LiveModels found_;
    std::size_t running_ = 0;
    WaitList done_;
    TaskGroup tasks_{reactor_, [](std::string_view what) {
                         std::fprintf(stderr, "tollgate: %.*s\n", static_cast<int>(what.size()),
                                      what.data());
                     }};
};

}  // namespace

LiveModels fetch_live(const router::SnapshotPtr& snapshot, std::string_view only) {
    return LiveFetch().run(*snapshot, only);
}

}  // namespace tollgate::server::cli
