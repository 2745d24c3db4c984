#include "failover/summary.hpp"

#include <algorithm>

namespace tollgate::failover {
namespace {

// Lower is more useful to the client.
unsigned usefulness(const Failure& failure) noexcept {
    using enum FailureKind;
    switch (failure.kind) {
        case upstream_rejected:
        case context_exceeded:
        case content_filtered:
        case bad_request:
            // An unknown model somewhere in the chain says less than the others' real trouble.
            return failure.upstream_status == 404 ? 7 : 0;
        case upstream_limited:
            return 1;
        case upstream_unavailable:
            return failure.client_status() == 503 ? 2 : 4;
        case upstream_timeout:
            return 3;
        case connect_failed:
            return 5;
        case protocol_error:
            return 6;
        default:
            return 8;
    }
}

constexpr std::size_t kMostShown = 500;  // of one vendor's message, where there are several

}  // namespace

void AttemptSummary::add(std::string_view target, const Failure& failure, Clock::duration took) {
    ++count_;
    history_.append(history_.empty() ? "" : "; ").append(target).append(": ");
    if (failure.upstream_status != 0) {
        history_.append(std::to_string(failure.upstream_status)).append(" ");
    }
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
    history_.append(policy(failure.kind).name)
        .append(" after ")
        .append(std::to_string(milliseconds))
        .append(" ms (")
        .append(failure.detail.substr(0, kMostShown))
        .append(")");
    if (failure.retry_after) {
        retry_after_ = std::min(retry_after_.value_or(*failure.retry_after), *failure.retry_after);
    }
    if (!best_ || usefulness(failure) <= usefulness(*best_)) {
        best_ = failure;
    }
}

Failure AttemptSummary::conclude() && {
    Failure failure = std::move(*best_);
    failure.detail = "All " + std::to_string(count_) + " attempts failed. " + history_;
    failure.retry_after = retry_after_;
    return failure;
}

}  // namespace tollgate::failover
