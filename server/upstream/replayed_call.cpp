#include "server/upstream/replayed_call.hpp"

namespace tollgate::server::upstream {

void ReplayedCall::rewind() noexcept {
    is_rewound_ = true;
    next_ = 0;
}

Task<Result<void>> ReplayedCall::connect(Interrupt& interrupt) {
    co_return co_await call_->connect(interrupt);
}

Task<Result<void>> ReplayedCall::send(const adapters::UpstreamRequest& request,
                                      Interrupt& interrupt) {
    co_return co_await call_->send(request, interrupt);
}

Task<Result<void>> ReplayedCall::receive_head(CallHead& head, Interrupt& interrupt) {
    co_return co_await call_->receive_head(head, interrupt);
}

Task<Result<std::string_view>> ReplayedCall::receive(Interrupt& interrupt) {
    if (is_rewound_) {
        if (next_ > 0) {
            kept_[next_ - 1] = std::string();  // what was handed out before is read by now
        }
        if (next_ < kept_.size()) {
            co_return std::string_view(kept_[next_++]);
        }
        if (has_ended_) {
            co_return std::string_view();
        }
        co_return co_await call_->receive(interrupt);
    }
    if (interrupt.fired()) {
        co_return fail(FailureKind::upstream_timeout, "interrupted while reading the answer");
    }
    Result<std::string_view> bytes = co_await call_->receive(interrupt);
    if (bytes && bytes->empty()) {
        has_ended_ = true;
    } else if (bytes) {
        kept_.emplace_back(*bytes);
        co_return std::string_view(kept_.back());
    }
    co_return bytes;
}

std::optional<std::string_view> ReplayedCall::whole_at_once() {
    if (!is_rewound_) {
        whole_ = call_->whole_at_once();
    }
    return whole_;
}

bool ReplayedCall::is_complete() const noexcept {
    return (!is_rewound_ || next_ == kept_.size()) && (has_ended_ || call_->is_complete());
}

}  // namespace tollgate::server::upstream
