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
    give_back(upstream_head_.relayed);
    if (body_.size() <= kKeptPrompt) {
        give_back(request_.members);  // what is counted is the body
        return;
    }
    prompt_estimate_ = tokens::estimate_prompt(request_);
    give_back(request_.members);
    request_.body = {};
    body_.release();
}

// An answer costs, and so does work that was given up; a refusal and a lost connection do not.
void Dispatch::complete_usage() {
    const bool is_answer = report_.first_byte != Clock::time_point{};
    if (report_.usage.reported || provider_ == nullptr || !(is_answer || given_up_)) {
        return;
    }
    const tokens::Tokenizer tokenizer =
        tokens::tokenizer_for(provider_->endpoint.upstream_model(model_));
    adapters::Usage& usage = report_.usage;
    usage.input =
        request_.body.empty() ? prompt_estimate_ : tokens::count_prompt(tokenizer, request_);
    usage.output = report_.answer_tokens + report_.heard.tokens(tokenizer);
    usage.estimated = true;
}

}  // namespace tollgate::server
