#include "adapters/codec/json.hpp"
#include "adapters/codec/sse.hpp"
#include "adapters/dialect/openai.hpp"
#include "adapters/dialect/openai_error.hpp"
#include "adapters/dialect/openai_probe.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

namespace tollgate::adapters::openai {
namespace {

using json::Document;
using json::Value;

constexpr std::size_t kWholeLimit = 64 * 1024 * 1024;
// One answer has few choices and calls; the bounds keep a broken vendor's indexes from growing our
// tables.
constexpr std::uint64_t kChoiceLimit = 128;
constexpr std::size_t kCallLimit = 1024;

struct Reason {
    std::string_view word;
    FinishReason reason;
};
// Beyond OpenAI's own: Together ("eos"), TGI ("eos_token"), Zhipu ("sensitive",
// "model_context_window_exceeded"), MiniMax (Anthropic's words), Mistral ("model_length"), Wenxin
// ("normal").
constexpr std::array kReasons{
    Reason{"stop", FinishReason::stop},
    Reason{"length", FinishReason::length},
    Reason{"tool_calls", FinishReason::tool_calls},
    Reason{"content_filter", FinishReason::content_filter},
    Reason{"function_call", FinishReason::tool_calls},
    Reason{"tool_use", FinishReason::tool_calls},
    Reason{"max_tokens", FinishReason::length},
    Reason{"model_length", FinishReason::length},
    Reason{"model_context_window_exceeded", FinishReason::length},
    Reason{"sensitive", FinishReason::content_filter},
    Reason{"content_filtered", FinishReason::content_filter},
    Reason{"safety", FinishReason::content_filter},
    Reason{"refusal", FinishReason::content_filter},
    Reason{"null", FinishReason::none},
    Reason{"", FinishReason::none},
};
// DeepSeek, Zhipu, OpenRouter and vLLM end so when the answer is not one.
constexpr std::array<std::string_view, 4> kFailedReasons{"insufficient_system_resource",
                                                         "network_error", "error", "abort"};

/// What one choice has said so far.
struct Choice {
    struct Call {
        std::uint64_t vendor_index = 0;
        std::string id;
        std::string held;  // arguments that came before the name
        bool announced = false;
    };
    std::vector<Call> calls;  // in the order of our own indexes
    bool finished = false;
};

/// Reads parsed answers, whole ones and chunks alike: `message` and `delta` hold the same members.
class Reader {
public:
    Result<void> read(Value root, EventSink& sink) {
        if (std::optional<Failure> failure = in_band_failure(root)) {
            return std::unexpected(std::move(*failure));
        }
        const Value choices = root["choices"];
        // Azure's first chunk has neither choices nor an identity; usage chunks have no choices
        // either.
        if (!started_ && choices.size() > 0) {
            started_ = true;
            sink.started({.id = root["id"].string(),
                          .model = root["model"].string(),
                          .created = root["created"].integer().value_or(0)});
        }
        for (const Value choice : choices) {
            if (Result<void> done = read_choice(choice, sink); !done) {
                return done;
            }
        }
        read_usage_of(root["usage"], sink);
        read_usage_of(root["x_groq"]["usage"], sink);
        return {};
    }
    [[nodiscard]] bool has_started() const noexcept { return started_; }
    [[nodiscard]] bool has_finished() const noexcept {
        return !choices_.empty() && std::ranges::all_of(choices_, [](const auto& entry) {
            return entry.second.finished;
        });
    }

private:
    static void read_usage_of(Value usage, EventSink& sink) {
        if (usage.is_object() && usage.size() > 0) {
            sink.usage(read_usage(usage.raw()));
        }
    }

    Result<void> read_choice(Value value, EventSink& sink) {
        const std::uint64_t wide = value["index"].count();
        if (wide >= kChoiceLimit) {
            return fail(FailureKind::protocol_error,
                        "the vendor's answer has a choice with index " + std::to_string(wide));
        }
        const auto index = static_cast<unsigned>(wide);
        Choice& choice = choices_[index];
        sink_text(value["text"], index, sink);  // of the older completions
        for (const std::string_view name : {"delta", "message"}) {
            if (Result<void> done = read_message(value[name], index, choice, sink); !done) {
                return done;
            }
        }
        read_usage_of(value["usage"], sink);  // Moonshot
        const std::string_view word = value["finish_reason"].string();
        if (is_failed_reason(word)) {
            return fail(
                FailureKind::upstream_unavailable,
                "the vendor ended the answer with finish_reason '" + std::string(word) + "'");
        }
        const FinishReason reason = finish_reason(word);
        if (reason != FinishReason::none && !choice.finished) {
            announce_rest(index, choice, sink);
            choice.finished = true;
            sink.finished(index, reason);
        }
        return {};
    }

    static void sink_text(Value content, unsigned index, EventSink& sink) {
        if (const std::string_view text = content.string(); !text.empty()) {
            sink.text(index, text);
        }
    }

    Result<void> read_message(Value message, unsigned index, Choice& choice, EventSink& sink) {
        std::string_view thought = message["reasoning_content"].string();
        if (thought.empty()) {
            thought = message["reasoning"].string();  // some send both, with the same text
        }
        if (!thought.empty()) {
            sink.reasoning(index, thought);
        }
        for (const Value member : message) {
            const std::string_view key = member.key();
            if (key == "content") {
                sink_text(member, index, sink);
                read_parts(member, index, sink);
            } else if (key == "refusal" && !member.string().empty()) {
                sink.refusal(index, member.string());
            } else if (key == "tool_calls") {
                if (Result<void> done = read_calls(member, index, choice, sink); !done) {
                    return done;
                }
            } else if (!is_known(key) && !member.is_null()) {
                sink.extension(index, key, member.raw());
            }
        }
        return {};
    }
    static bool is_known(std::string_view key) noexcept {
        return key == "role" || key == "reasoning_content" || key == "reasoning" ||
               key == "refusal" || key == "name";
    }
    /// Content in parts (Mistral's shape, used by imitators too).
    static void read_parts(Value content, unsigned index, EventSink& sink) {
        if (!content.is_array()) {
            return;
        }
        for (const Value part : content) {
            const std::string_view text = part["text"].string();
            if (!text.empty() && part["type"].string() == "text") {
                sink.text(index, text);
            }
        }
    }

    Result<void> read_calls(Value calls, unsigned index, Choice& choice, EventSink& sink) {
        std::uint64_t position = 0;
        for (const Value call : calls) {
            // In a stream a missing index means 0 (SGLang); a whole answer has none, there the
            // place counts.
            const bool whole = !call["index"].exists() && calls.size() > 1;
            const std::uint64_t vendor_index = whole ? position : call["index"].count();
            ++position;
            const std::size_t ours = call_index(choice, vendor_index, call["id"].string(),
                                                !call["function"]["name"].string().empty());
            if (ours >= kCallLimit) {
                return fail(FailureKind::protocol_error, "the vendor's answer has more than " +
                                                             std::to_string(kCallLimit) +
                                                             " tool calls");
            }
            feed_call(choice, ours, call, index, sink);
        }
        return {};
    }

    /// Our index of a call, made where it is new: another index, or another id under the same one.
    static std::size_t call_index(Choice& choice, std::uint64_t vendor_index, std::string_view id,
                                  bool is_named) {
        for (std::size_t i = choice.calls.size(); i > 0; --i) {
            const Choice::Call& call = choice.calls[i - 1];
            if (call.vendor_index == vendor_index) {
                const bool other = is_named && call.announced && !id.empty() && id != call.id;
                if (!other) {
                    return i - 1;
                }
                break;
            }
        }
        choice.calls.push_back({.vendor_index = vendor_index, .id = std::string(id), .held = {}});
        return choice.calls.size() - 1;
    }

    static void feed_call(Choice& choice, std::size_t ours, Value value, unsigned index,
                          EventSink& sink) {
        Choice::Call& call = choice.calls[ours];
        const auto number = static_cast<unsigned>(ours);
        if (call.id.empty()) {
            call.id = value["id"].string();
        }
        // Some vendors send arguments as an object instead of as a string.
        const Value arguments = value["function"]["arguments"];
        const std::string_view piece = arguments.is_object() ? arguments.raw() : arguments.string();
        const std::string_view name = value["function"]["name"].string();
        if (!call.announced && !name.empty()) {
            call.announced = true;
            sink.tool_call(index, number, call.id, name);
            if (!call.held.empty()) {
                sink.tool_arguments(index, number, call.held);
            }
        }
        if (piece.empty()) {
            return;
        }
        if (call.announced) {
            sink.tool_arguments(index, number, piece);
        } else {
            call.held += piece;
        }
    }
    /// Calls whose name never came: the client shall see that there was one.
    static void announce_rest(unsigned index, Choice& choice, EventSink& sink) {
        for (std::size_t i = 0; i < choice.calls.size(); ++i) {
            Choice::Call& call = choice.calls[i];
            if (!call.announced) {
                call.announced = true;
                sink.tool_call(index, static_cast<unsigned>(i), call.id, {});
                if (!call.held.empty()) {
                    sink.tool_arguments(index, static_cast<unsigned>(i), call.held);
                }
            }
        }
    }

    std::map<unsigned, Choice> choices_;
    bool started_ = false;
};

class WholeDecoder final : public Decoder {
public:
    Result<void> feed(std::string_view bytes, EventSink&) override {
        if (bytes.size() > kWholeLimit - body_.size()) {
            return fail(FailureKind::protocol_error, "the vendor's answer is larger than 64 MiB");
        }
        body_.append(bytes);
        return {};
    }
    Result<void> end(EventSink& sink) override {
        const Result<Document> document = Document::parse(body_);
        if (!document) {
            return fail(FailureKind::protocol_error,
                        body_.empty()
                            ? "the vendor's answer is empty"
                            : "the vendor's answer is not valid " + document.error().detail);
        }
        Reader reader;
        if (Result<void> done = reader.read(document->root(), sink); !done) {
            return done;
        }
        if (!reader.has_finished()) {
            return fail(FailureKind::protocol_error,
                        reader.has_started()
                            ? "the vendor's answer has a choice without finish_reason"
                            : "the vendor's answer has no choices");
        }
        return {};
    }

private:
    std::string body_;
};

class StreamDecoder final : public Decoder {
public:
    Result<void> feed(std::string_view bytes, EventSink& sink) override {
        parser_.push(bytes);
        codec::SseEvent event;
        while (parser_.next(event)) {
            if (Result<void> done = read(event, sink); !done) {
                return done;
            }
        }
        if (parser_.overflowed()) {
            return fail(FailureKind::protocol_error,
                        "an event of the vendor's stream is larger than 8 MiB");
        }
        return {};
    }
    Result<void> end(EventSink& sink) override {
        codec::SseEvent event;
        if (parser_.finish(event)) {
            if (Result<void> done = read(event, sink); !done) {
                return done;
            }
        }
        if (reader_.has_finished() || (done_ && reader_.has_started())) {
            return {};
        }
        // Lines that are no events may be the error, sent as plain JSON.
        if (std::optional<Failure> failure = in_band_failure(parser_.stray())) {
            return std::unexpected(std::move(*failure));
        }
        return fail(FailureKind::protocol_error,
                    reader_.has_started() ? "the vendor's stream ended before the answer did"
                                          : "the vendor's stream ended without an answer");
    }

private:
    Result<void> read(const codec::SseEvent& event, EventSink& sink) {
        if (event.data.empty()) {
            return {};
        }
        if (event.data == "[DONE]") {
            done_ = true;
            return {};
        }
        const Result<Document> document = Document::parse(event.data);
        if (!document) {
            return fail(FailureKind::protocol_error,
                        "an event of the vendor's stream is not valid " + document.error().detail);
        }
        if (event.name == "error" && !(*document)["error"].exists()) {
            return std::unexpected(classify_common({}, event.data));
        }
        return reader_.read(document->root(), sink);
    }

    codec::SseParser parser_;
    Reader reader_;
    bool done_ = false;
};

}  // namespace

FinishReason finish_reason(std::string_view word) noexcept {
    const auto* const found = std::ranges::find(kReasons, word, &Reason::word);
    return found == kReasons.end() ? FinishReason::stop : found->reason;
}

bool is_failed_reason(std::string_view word) noexcept {
    return std::ranges::find(kFailedReasons, word) != kFailedReasons.end();
}

std::unique_ptr<Decoder> make_decoder(Delivery delivery) {
    if (delivery == Delivery::whole) {
        return std::make_unique<WholeDecoder>();
    }
    return std::make_unique<StreamDecoder>();
}

}  // namespace tollgate::adapters::openai
