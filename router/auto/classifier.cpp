#include "router/auto/classifier.hpp"

#include <algorithm>
#include <cmath>

namespace tollgate::router {
namespace {

/// The largest of some columns, and its share by softmax.
struct Best {
    std::size_t index = 0;
    float share = 0;
};
Best best_of(std::span<const float> scores) noexcept {
    const auto most = std::ranges::max_element(scores);
    float sum = 0;
    for (const float score : scores) {
        sum += std::exp(score - *most);
    }
    return {.index = static_cast<std::size_t>(most - scores.begin()), .share = 1 / sum};
}

}  // namespace

Classification classify(const PromptOutline& prompt, std::uint64_t tokens,
                        const ClassifierOptions& options, const Weights& weights) noexcept {
    Classification out;
    const Sample sample(prompt);
    const Structure structure = structure_of(sample.body());
    Features features;
    add_features(structure, sample, prompt, features);
    const Scores scores = weights.score(features);
    const Best task = best_of(std::span(scores).first(kTextTasks));
    out.task = static_cast<Task>(task.index);
    out.confidence = task.share;
    out.difficulty = static_cast<Difficulty>(best_of(std::span(scores).subspan(kTextTasks)).index);
    out.language = language_of(structure, sample, features);
    const bool has_tools = prompt.offers_tools || prompt.tool_messages > 0;
    if (prompt.has_image || has_tools || tokens >= options.long_context) {
        out.confidence = 1;
        out.task = prompt.has_image ? Task::vision : has_tools ? Task::agentic : Task::long_context;
    }
    return out;
}

}  // namespace tollgate::router
