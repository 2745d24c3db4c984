// Any bytes as a request that is to be classified, and as text that no one has checked.
#include "router/auto/classifier.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

void check(const tollgate::router::PromptOutline& outline) {
    using namespace tollgate::router;
    const Classification found = classify(outline, estimate_tokens(outline), {});
    if (!(found.confidence >= 0 && found.confidence <= 1)) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using tollgate::adapters::Operation;
    using tollgate::adapters::Request;
    std::string bytes(reinterpret_cast<const char*>(data), size);
    tollgate::router::PromptOutline unchecked;
    unchecked.user.add(bytes);
    check(unchecked);
    bytes.append(tollgate::adapters::kBodySlack, '\0');
    const std::string_view body = std::string_view(bytes).substr(0, size);
    if (const auto request = Request::peek(Operation::chat, body, 64)) {
        check(tollgate::router::outline_prompt(*request));
    }
    return 0;
}
