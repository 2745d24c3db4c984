// generateContent answers as events, whole or streamed: both are made of the same
// GenerateContentResponse objects.
// https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse
#include "adapters/codec/sse.hpp"
#include "adapters/dialect/gemini.hpp"
#include "adapters/dialect/gemini_candidate.hpp"
#include "adapters/dialect/gemini_usage.hpp"

#include <algorithm>
#include <map>

namespace tollgate::adapters::gemini {
namespace {

using json::Value;

// One event may hold a picture in base64, so the bounds are far above those of text.
constexpr std::size_t kAnswerLimit = 64 * 1024 * 1024;
constexpr unsigned kChoiceLimit = 64;  // indices come from the vendor; candidateCount is at most 8

/// An error inside a 200 answer; its envelope carries the status that it would have had.
Failure in_band(std::string_view error) {
    ResponseInfo head;
    head.status = 200;
    return classify(head, error);
}

/// Turns GenerateContentResponse objects into events.  Finish reasons are held back until end(): an
/// answer is not finished while an error can still follow.
class Answer {
public:
    Result<void> read(Value response, EventSink& sink) {
        if (response["error"].is_object()) {
            return std::unexpected(in_band(response.raw()));
        }
        start(response, sink);
        for (const Value value : response["candidates"]) {
            const std::uint64_t index = value["index"].count();
            if (index >= kChoiceLimit) {
                return fail(FailureKind::protocol_error, "a candidate's index is out of range");
            }
            const auto choice = static_cast<unsigned>(index);
            Candidate& candidate = candidates_.try_emplace(choice, choice).first->second;
            if (auto done = candidate.read(value, ids_, sink); !done) {
                return done;
            }
        }
        if (const Value feedback = response["promptFeedback"];
            feedback["blockReason"].is_string()) {
            feedback_ = compact(feedback.raw());
        }
        if (counters_.merge(response["usageMetadata"])) {
            sink.usage(counters_.usage());
        }
        return {};
    }

    Result<void> end(EventSink& sink) {
        if (candidates_.empty() && !feedback_.empty()) {  // the prompt was blocked
            sink.extension(0, "prompt_feedback", feedback_);
            sink.finished(0, FinishReason::content_filter);
            return {};
        }
        const auto is_complete = [](const auto& entry) { return entry.second.is_complete(); };
        if (candidates_.empty() || !std::ranges::all_of(candidates_, is_complete)) {
            return fail(FailureKind::protocol_error,
                        "the answer was cut off: it ended without a finishReason");
        }
        // With nothing in it for the client, a failed answer is an error and not an empty message.
        const auto has_failed = [](const auto& entry) { return entry.second.has_failed_empty(); };
        if (std::ranges::all_of(candidates_, has_failed)) {
            return fail(FailureKind::upstream_unavailable,
                        "the model gave no answer: " + candidates_.begin()->second.reason_text());
        }
        for (const auto& [index, candidate] : candidates_) {
            candidate.finish(sink);
        }
        return {};
    }

private:
    void start(Value response, EventSink& sink) {
        if (started_) {
            return;
        }
        started_ = true;
        const std::string_view id = response["responseId"].string();
        ids_.set_answer_id(id);
        sink.started({.id = id, .model = response["modelVersion"].string()});
    }

    bool started_ = false;
    CallIds ids_;
    std::map<unsigned, Candidate> candidates_;
    std::string feedback_;
    UsageCounters counters_;
};

class WholeDecoder final : public Decoder {
public:
    Result<void> feed(std::string_view bytes, EventSink&) override {
        if (body_.size() + bytes.size() > kAnswerLimit) {
            return fail(FailureKind::protocol_error, "the answer is larger than 64 MiB");
        }
        body_.append(bytes);
        return {};
    }

    Result<void> end(EventSink& sink) override {
        const Result<json::Document> document = json::Document::parse(body_);
        if (!document) {
            return std::unexpected(document.error());
        }
        const Value root = document->root();
        if (!root.is_array()) {
            if (auto done = answer_.read(root, sink); !done) {
                return done;
            }
        }
        for (const Value response : root.is_array() ? root : Value{}) {
            if (auto done = answer_.read(response, sink); !done) {
                return done;
            }
        }
        return answer_.end(sink);
    }

private:
    std::string body_;
    Answer answer_;
};

class StreamDecoder final : public Decoder {
public:
    Result<void> feed(std::string_view bytes, EventSink& sink) override {
        parser_.push(bytes);
        codec::SseEvent event;
        while (parser_.next(event)) {
            if (auto done = read(event, sink); !done) {
                return done;
            }
        }
        if (parser_.overflowed()) {
            return fail(FailureKind::protocol_error,
                        "an event of the stream is larger than 64 MiB");
        }
        return {};
    }

    Result<void> end(EventSink& sink) override {
        codec::SseEvent event;
        while (parser_.finish(event)) {
            if (auto done = read(event, sink); !done) {
                return done;
            }
        }
        if (auto done = check_stray(); !done) {
            return done;
        }
        return answer_.end(sink);
    }

private:
    Result<void> read(const codec::SseEvent& event, EventSink& sink) {
        if (auto done = check_stray(); !done) {
            return done;
        }
        if (event.data.empty() ||
            event.data == "[DONE]") {  // not Google's, but of proxies in front of it
            return {};
        }
        const Result<json::Document> document = json::Document::parse(event.data);
        if (!document) {
            return std::unexpected(document.error());
        }
        const Value root = document->root();
        return answer_.read(root.is_array() ? root[0] : root, sink);
    }

    /// Errors in mid-stream come as bare JSON over several lines, without `data:`.  Looked at
    /// before each event and at the end, so that the outcome does not depend on how the bytes were
    /// cut.
    Result<void> check_stray() {
        const std::string_view stray = parser_.stray();
        if (stray.size() == seen_stray_) {
            return {};
        }
        seen_stray_ = stray.size();
        const Result<json::Document> document = json::Document::parse(stray);
        if (!document) {
            return {};  // unfinished, or no JSON: if the answer is not complete either, end() says
                        // so
        }
        const Value root = document->root();
        const Value first = root.is_array() ? root[0] : root;
        if (!first["error"].is_object()) {
            return {};
        }
        return std::unexpected(in_band(stray));
    }

    codec::SseParser parser_{kAnswerLimit};
    Answer answer_;
    std::size_t seen_stray_ = 0;
};

}  // namespace

std::unique_ptr<Decoder> decoder(Delivery delivery) {
    if (delivery == Delivery::stream) {
        return std::make_unique<StreamDecoder>();
    }
    return std::make_unique<WholeDecoder>();
}

}  // namespace tollgate::adapters::gemini
