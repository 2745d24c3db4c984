// What the router would do with a request and why, as JSON and as text.  Asks the very functions
// that serve requests.
#pragma once

#include "adapters/codec/json.hpp"
#include "router/choose.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::router {

/// One place that was considered.
struct ExplainedTarget {
    std::string name;  ///< an alias or provider/model
    RoutedTarget target;
    const catalog::Model* known = nullptr;
    std::optional<double> quality = {};       ///< for the task
    std::optional<double> score = {};         ///< by the policy
    std::optional<std::int64_t> cost = {};    ///< estimate for this request, pico-dollars
    std::optional<std::int64_t> input = {};   ///< pico-dollars per token
    std::optional<std::int64_t> output = {};  ///< pico-dollars per token
    std::string left_out = {};                ///< not empty: why
};

struct Explanation {
    std::string model;  ///< as asked
    Classification found;
    std::uint64_t tokens = 0;                      ///< estimate of the prompt
    Result<Choice> choice;                         ///< or why there is none
    std::vector<ExplainedTarget> candidates = {};  ///< in the order of the tries
    std::vector<ExplainedTarget> left_out = {};
    std::string policy = {};      ///< of the auto-router; empty: it was not asked
    std::string decided_by = {};  ///< "rule", "task" or "policy"; likewise
    std::size_t rule = 0;         ///< of router.auto.rules, where a rule decided
};

/// `ask.decision` is not used.  Classifies in any case, also where a rule or a plain name decides.
[[nodiscard]] Explanation explain(const Snapshot& snapshot, const Ask& ask);

/// One JSON object; `id` is JSON to be given back, or empty.
[[nodiscard]] std::string to_json(const Snapshot& snapshot, const Explanation& explanation,
                                  failover::Clock::time_point now, std::string_view id = {});
/// Lines for a terminal.
[[nodiscard]] std::string to_text(const Snapshot& snapshot, const Explanation& explanation,
                                  failover::Clock::time_point now);

/// A prompt to be explained, as a chat request.
struct Question {
    std::string body;      ///< with adapters::kBodySlack bytes behind it
    std::size_t size = 0;  ///< without them
    std::string id;        ///< raw JSON; empty: none was given
    [[nodiscard]] std::string_view request() const noexcept {
        return std::string_view(body).substr(0, size);
    }
};
/// Reads a JSON string, a list of messages, or an object: an OpenAI request (messages or prompt),
/// or a prompt under text, input, question, instruction, query, content or turns (the first).  What
/// is no JSON is the prompt itself.  `model`, where it is not empty, overrules that of the object.
/// Fails where an object has no prompt.
[[nodiscard]] Result<Question> read_question(std::string_view line, std::string_view model);

}  // namespace tollgate::router
