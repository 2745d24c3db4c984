#include "adapters/event.hpp"

namespace tollgate::adapters {

std::string_view to_string(FinishReason reason) noexcept {
    switch (reason) {
        case FinishReason::none:
            return {};
        case FinishReason::stop:
            return "stop";
        case FinishReason::length:
            return "length";
        case FinishReason::tool_calls:
            return "tool_calls";
        case FinishReason::content_filter:
            return "content_filter";
    }
    return {};
}

}  // namespace tollgate::adapters
