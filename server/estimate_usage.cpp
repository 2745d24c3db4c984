// What a vendor did not report is counted here: streams that were cut or cancelled, and vendors
// that never say.
#include "adapters/tokens/count.hpp"
#include "server/dispatch.hpp"
#include "server/io/give_back.hpp"

namespace tollgate::server {
namespace {

// A stream keeps its request until its end only up to here, since most streams do report.  The
// prompt of a longer one is estimated from its bytes before it is let go.
constexpr std::size_t kKeptPrompt = 16 * 1024;

}  // namespace

// Committed: there will be no other attempt that needs the request, and the head has been made.
void Dispatch::let_request_go() {
    if (!snapshot_->watches_rates()) {  // else note_answer() reads the vendor's rate limits there
        give_back(current_.head.relayed);
    }
    if (hedge_) {
        return;  // a second attempt, on its way out, may still look at the request
    }
    give_back(x_.head.fields);
    if (body_.size() <= kKeptPrompt) {
        give_back(request_.members);  // what is counted is the body
        return;
    }
    static_cast<void>(prompt_estimate());
    give_back(request_.members);
    request_.body = {};
    body_.release();
}

// Of the request while it is here, and remembered: in tokens, on the high side.
std::uint64_t Dispatch::prompt_estimate() {
    if (!prompt_estimate_) {
        prompt_estimate_ = tokens::estimate_prompt(request_);
    }
    return *prompt_estimate_;
}

// An answer costs, and so does work that was given up; a refusal and a lost connection do not.
void Dispatch::complete_usage() {
    const bool is_answer = report_.first_byte != Clock::time_point{};
    if (!report_.usage->reported && current_.provider != nullptr && (is_answer || given_up_)) {
        report_.usage.set(estimated_usage(current_, report_));
    }
}

adapters::Usage Dispatch::estimated_usage(const Attempt& attempt, const RelayReport& report) const {
    const tokens::Tokenizer tokenizer =
        tokens::tokenizer_for(attempt.provider->endpoint.upstream_model(attempt.model));
    adapters::Usage usage = *report.usage;
    usage.input = request_.body.empty() ? prompt_estimate_.value_or(0)
                                        : tokens::count_prompt(tokenizer, request_);
    usage.output = report.answer_tokens + report.heard.tokens(tokenizer);
    usage.estimated = true;
    return usage;
}

}  // namespace tollgate::server
