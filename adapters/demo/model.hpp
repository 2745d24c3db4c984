// The simulated model behind the built-in vendor "demo": OpenAI-shaped answers made from the
// request alone, so that the same request always gets the same bytes.  No I/O and no time: the
// server does delays and faults (see faults.hpp).
#pragma once

#include "adapters/request.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::demo {

inline constexpr std::string_view kModels[]{"demo-1", "demo-mini", "demo-reasoner", "demo-embed"};
inline constexpr std::string_view kDefaultModel = kModels[0];

/// What an answer depends on beside the request.
struct ModelContext {
    std::string_view model = {};  ///< the vendor's model id; empty: the request's own
    std::int64_t created = 0;     ///< unix seconds, told as `created`
    std::size_t chunks =
        0;  ///< > 0: the text is repeated or cut to exactly so many pieces (at most kMostChunks)
};
inline constexpr std::size_t kMostChunks = 20'000;

/// An HTTP answer.  `events` when the request asked for a stream and nothing is wrong with it, else
/// `body`.
struct ModelAnswer {
    unsigned status = 200;
    std::string body = {};  ///< application/json
    std::vector<std::string> events =
        {};  ///< text/event-stream: whole frames, "data: [DONE]" is the last
};

/// Answers a chat, completions or embeddings request.  Total: what is wrong with the request
/// becomes a 4xx answer.
///
/// Text: repeats the last user message, or quotes the tool results that the conversation ends with;
/// says what images it got. Tools: see read_conversation().  response_format: json_object gives
/// {"answer": …}, json_schema see satisfy(). Thinking: reasoning_effort other than "none", and the
/// model demo-reasoner always. Honoured too: n (to 8), stop, max_tokens and max_completion_tokens
/// (in pieces, see pieces()), stream_options.include_usage.
[[nodiscard]] ModelAnswer answer(const adapters::Request& request, const ModelContext& context);

/// The body of GET /models.
[[nodiscard]] std::string models_list(std::int64_t created);

}  // namespace tollgate::demo
