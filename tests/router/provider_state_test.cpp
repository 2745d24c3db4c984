#include "router/provider_state.hpp"

#include "tests/router/support.hpp"
#include "tests/support/catch.hpp"

using namespace tollgate;
using namespace tollgate::router;
using namespace tollgate::router::tests;
using namespace std::chrono_literals;

namespace {

const failover::Clock::time_point kNow(1000h);

class Watched {
public:
    Watched()
        : snapshot_(build_good(
              "providers:\n"
              "  a: {type: openai_compat, base_url: \"http://127.0.0.1:1/v1\", api_key: [k1, k2],"
              " models: [m, n]}\n")),
          provider_(*snapshot_->provider("a")) {}

    [[nodiscard]] std::string_view state() const {
        return to_string(state_of(provider_, snapshot_->health_options(), kNow));
    }
    void fail(std::string_view model, FailureKind kind, int times = 5) {
        failover::Health& health = provider_.record(model).live->health;
        for (int i = 0; i < times; ++i) {
            health.began(kNow);
            static_cast<void>(health.failed(failover::Admission::normal,
                                            {.kind = kind, .detail = "test"}, kNow,
                                            snapshot_->health_options()));
        }
    }
    void answer(std::string_view model) {
        failover::Health& health = provider_.record(model).live->health;
        health.began(kNow);
        static_cast<void>(health.succeeded(failover::Admission::normal, kNow, {}));
    }
    [[nodiscard]] failover::Health& key(std::size_t index) {
        return provider_.key_live[index]->health;
    }
    [[nodiscard]] const Snapshot& snapshot() const { return *snapshot_; }

private:
    SnapshotPtr snapshot_;
    const Provider& provider_;
};

}  // namespace

TEST_CASE("a provider cools down when what was used of it does") {
    Watched watched;
    CHECK(watched.state() == "ready");
    watched.fail("m", FailureKind::upstream_unavailable);
    CHECK(watched.state() == "cooling down");
    CHECK(trouble_of(watched.snapshot(), kNow).cooling_down == 1);
    watched.answer("n");
    CHECK(watched.state() == "ready");
    CHECK(trouble_of(watched.snapshot(), kNow).cooling_down == 0);
}

TEST_CASE("a provider is unreachable when no connection was to be had") {
    Watched watched;
    watched.fail("m", FailureKind::connect_failed, 4);
    CHECK(watched.state() == "ready");
    watched.fail("m", FailureKind::connect_failed, 1);
    CHECK(watched.state() == "unreachable");
    CHECK(trouble_of(watched.snapshot(), kNow).unreachable == 1);
    watched.fail("n", FailureKind::upstream_timeout);
    CHECK(watched.state() == "cooling down");
}

TEST_CASE("a provider cools down when each of its keys rests") {
    Watched watched;
    watched.answer("m");
    watched.key(0).rest(failover::Rest::refused, kNow + 1min);
    CHECK(watched.state() == "ready");
    watched.key(1).rest(failover::Rest::limited, kNow + 1s);
    CHECK(watched.state() == "cooling down");
}

TEST_CASE("what the configuration leaves unusable says what it lacks and is no trouble") {
    const SnapshotPtr snapshot =
        build_good("providers: {openai: {}, openai_compat: {api_key: k}, demo: {}}\n");
    const auto state = [&](std::string_view name) {
        return to_string(state_of(*snapshot->provider(name), snapshot->health_options(), kNow));
    };
    CHECK(state("openai") == "no key");
    CHECK(state("openai_compat") == "unreachable");
    CHECK(state("demo") == "ready");
    CHECK(trouble_of(*snapshot, kNow).unreachable == 0);
}
