#include "failover/summary.hpp"

#include "tests/support/catch.hpp"

using namespace tollgate::failover;
using namespace std::chrono_literals;

namespace {

Failure failure(FailureKind kind, std::uint16_t upstream_status = 0) {
    return {.kind = kind, .detail = "what happened", .upstream_status = upstream_status};
}

}  // namespace

TEST_CASE("every attempt is listed with target, status, reason and time") {
    AttemptSummary summary;
    summary.add("a/m", failure(FailureKind::upstream_unavailable, 500), 12ms);
    summary.add("b/n", failure(FailureKind::upstream_timeout), 3s);
    const Failure all = std::move(summary).conclude();
    CHECK(all.detail ==
          "All 2 attempts failed. a/m: 500 upstream_unavailable after 12 ms (what happened); "
          "b/n: upstream_timeout after 3000 ms (what happened)");
}

TEST_CASE("the failure that says most gives the status, whatever the order") {
    using enum FailureKind;
    const Failure order[] = {failure(upstream_rejected, 422),
                             failure(upstream_limited, 429),
                             failure(upstream_unavailable, 503),
                             failure(upstream_timeout),
                             failure(upstream_unavailable, 500),
                             failure(connect_failed),
                             failure(protocol_error),
                             failure(upstream_auth, 401)};
    for (std::size_t i = 0; i + 1 < std::size(order); ++i) {
        for (const bool swapped : {false, true}) {
            AttemptSummary summary;
            summary.add("a/m", order[swapped ? i + 1 : i], 1ms);
            summary.add("b/m", order[swapped ? i : i + 1], 1ms);
            const Failure all = std::move(summary).conclude();
            INFO(policy(order[i].kind).name);
            CHECK(all.kind == order[i].kind);
            CHECK(all.client_status() == order[i].client_status());
        }
    }
}

TEST_CASE("the shortest wait that any vendor named is passed on") {
    AttemptSummary summary;
    Failure limited = failure(FailureKind::upstream_limited, 429);
    limited.retry_after = 30s;
    summary.add("a/m", limited, 1ms);
    Failure busy = failure(FailureKind::upstream_unavailable, 503);
    busy.retry_after = 4s;
    summary.add("b/m", busy, 1ms);
    summary.add("c/m", failure(FailureKind::connect_failed), 1ms);
    CHECK(std::move(summary).conclude().retry_after == 4s);
}
