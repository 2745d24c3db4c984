#include "router/auto/classifier.hpp"

namespace tollgate::router {

Classification classify(const PromptOutline& prompt, std::uint64_t tokens,
                        const ClassifierOptions& options) noexcept {
    Classification out{.confidence = 1};
    if (prompt.has_image) {
        out.task = Task::vision;
    } else if (prompt.offers_tools || prompt.tool_messages > 0) {
        out.task = Task::agentic;
    } else if (tokens >= options.long_context) {
        out.task = Task::long_context;
    } else {
        out.task = Task::chat;
        out.confidence = 0;
    }
    return out;
}

}  // namespace tollgate::router
