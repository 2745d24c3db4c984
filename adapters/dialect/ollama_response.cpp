// Ollama's answers: one JSON object, or one per line.  /api/chat has `message`, /api/generate has
// `response`.
#include "adapters/codec/ndjson.hpp"
#include "adapters/dialect/ollama.hpp"
#include "adapters/dialect/openai_shape.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <iterator>

namespace tollgate::adapters::ollama {
namespace {

using json::Value;

constexpr std::size_t kBodyLimit = 64 * 1024 * 1024;

/// Two digits at `at`, or -1.
int two_digits(std::string_view text, std::size_t at) noexcept {
    if (at + 2 > text.size() || text[at] < '0' || text[at] > '9' || text[at + 1] < '0' ||
        text[at + 1] > '9') {
        return -1;
    }
    return (text[at] - '0') * 10 + (text[at + 1] - '0');
}

/// What whole and streamed answers share: the objects.
class ObjectReader {
public:
    explicit ObjectReader(std::string_view model) : model_(model) {}

    Result<void> take(std::string_view text, EventSink& sink) {
        const auto document = json::Document::parse(text);
        if (!document) {
            return fail(FailureKind::protocol_error,
                        "Ollama sent something that cannot be read: " + document.error().detail);
        }
        const Value root = document->root();
        if (openai_shape::is_set(root["error"])) {
            const Value error = root["error"];
            const std::string_view message = error.is_string() ? error.string() : error.raw();
            return fail(FailureKind::upstream_unavailable,
                        "Ollama reported an error inside its answer: '" +
                            std::string(message.substr(0, 200)) + "'.");
        }
        if (!root["message"].is_object() && !root["response"].is_string() &&
            !root["done"].is_bool()) {
            return fail(FailureKind::protocol_error,
                        "Ollama sent an object without message or response.");
        }
        if (done_) {
            return {};
        }
        if (!started_) {
            started_ = true;
            sink.started({.id = {},
                          .model = root["model"].string(model_),
                          .created = unix_seconds(root["created_at"].string())});
        }
        content(root, sink);
        if (root["done"].boolean()) {
            finish(root, sink);
        }
        return {};
    }

    [[nodiscard]] bool done() const noexcept { return done_; }

private:
    void content(Value root, EventSink& sink) {
        const Value message = root["message"];
        for (const std::string_view thought :
             {message["thinking"].string(), root["thinking"].string()}) {
            if (!thought.empty()) {
                sink.reasoning(0, thought);
            }
        }
        for (const std::string_view text :
             {message["content"].string(), root["response"].string()}) {
            if (!text.empty()) {
                sink.text(0, text);
            }
        }
        for (const Value call : message["tool_calls"]) {
            tool_call(call, root["created_at"].string(), sink);
        }
    }

    void tool_call(Value call, std::string_view seed, EventSink& sink) {
        const Value function = call["function"];
        const Value arguments = function["arguments"];
        std::string id(call["id"].string());
        if (id.empty()) {
            // Older versions have no ids.  The time of the line, in nanoseconds, keeps those of one
            // conversation apart.
            id = "call_";
            std::ranges::copy_if(seed.substr(0, 40), std::back_inserter(id),
                                 [](unsigned char c) { return std::isalnum(c) != 0; });
            id += "_" + std::to_string(next_call_);
        }
        sink.tool_call(0, next_call_, id, function["name"].string());
        if (arguments.is_string()) {
            sink.tool_arguments(0, next_call_, arguments.string());
        } else {
            sink.tool_arguments(
                0, next_call_,
                arguments.is_object() ? openai_shape::one_line(arguments.raw()) : "{}");
        }
        ++next_call_;
    }

    void finish(Value root, EventSink& sink) {
        Usage usage;
        usage.input = root["prompt_eval_count"].count();
        usage.output = root["eval_count"].count();
        // Left out when the whole prompt was cached: then nothing is known about it.  A zero
        // eval_count is left out as well.
        usage.reported = root["prompt_eval_count"].exists();
        sink.usage(usage);
        // "load" and "unload" answer requests without messages, which can only succeed.
        FinishReason reason = FinishReason::stop;
        if (root["done_reason"].string() == "length") {
            reason = FinishReason::length;
        } else if (next_call_ > 0) {
            reason = FinishReason::tool_calls;
        }
        sink.finished(0, reason);
        done_ = true;
    }

    std::string_view model_;
    unsigned next_call_ = 0;
    bool started_ = false;
    bool done_ = false;
};

class StreamDecoder final : public Decoder {
public:
    explicit StreamDecoder(std::string_view model) : reader_(model) {}

    Result<void> feed(std::string_view bytes, EventSink& sink) override {
        lines_.push(bytes);
        std::string_view line;
        while (lines_.next(line)) {
            if (auto taken = reader_.take(line, sink); !taken) {
                return taken;
            }
        }
        if (lines_.overflowed()) {
            return fail(FailureKind::protocol_error,
                        "Ollama sent a line that is larger than 8 MiB.");
        }
        return {};
    }

    Result<void> end(EventSink& sink) override {
        std::string_view line;
        if (lines_.finish(line)) {
            if (auto taken = reader_.take(line, sink); !taken) {
                return taken;
            }
        }
        if (!reader_.done()) {
            return fail(FailureKind::protocol_error,
                        "Ollama's stream ended before its last line (done: true).");
        }
        return {};
    }

private:
    codec::LineParser lines_;
    ObjectReader reader_;
};

class WholeDecoder final : public Decoder {
public:
    explicit WholeDecoder(std::string_view model) : reader_(model) {}

    Result<void> feed(std::string_view bytes, EventSink&) override {
        if (bytes.size() > kBodyLimit - body_.size()) {
            return fail(FailureKind::protocol_error, "Ollama's answer is larger than 64 MiB.");
        }
        body_.append(bytes);
        return {};
    }

    Result<void> end(EventSink& sink) override {
        if (auto taken = reader_.take(body_, sink); !taken) {
            return taken;
        }
        if (!reader_.done()) {
            return fail(FailureKind::protocol_error,
                        "Ollama's answer is not complete (done is not true).");
        }
        return {};
    }

private:
    ObjectReader reader_;
    std::string body_;
};

}  // namespace

std::int64_t unix_seconds(std::string_view text) noexcept {
    using namespace std::chrono;
    if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T') {
        return 0;
    }
    const int century = two_digits(text, 0);
    const int rest = two_digits(text, 2);
    const int month_of = two_digits(text, 5);
    const int day_of = two_digits(text, 8);
    const int hour = two_digits(text, 11);
    const int minute = two_digits(text, 14);
    const int second = two_digits(text, 17);
    if (century < 0 || rest < 0 || month_of < 0 || day_of < 0 || hour < 0 || minute < 0 ||
        second < 0) {
        return 0;
    }
    const year_month_day date{year(century * 100 + rest), month(static_cast<unsigned>(month_of)),
                              day(static_cast<unsigned>(day_of))};
    if (!date.ok()) {
        return 0;
    }
    std::int64_t seconds = sys_days(date).time_since_epoch().count() * 86400LL + hour * 3600LL +
                           minute * 60LL + second;
    const std::size_t zone = text.find_first_of("+-", 19);
    if (zone != std::string_view::npos) {
        const int offset = two_digits(text, zone + 1) * 3600 + two_digits(text, zone + 4) * 60;
        seconds -= text[zone] == '+' ? offset : -offset;
    }
    return seconds;
}

std::unique_ptr<Decoder> decoder(Delivery delivery, const DecodeContext& context) {
    if (delivery == Delivery::stream) {
        return std::make_unique<StreamDecoder>(context.model);
    }
    return std::make_unique<WholeDecoder>(context.model);
}

}  // namespace tollgate::adapters::ollama
