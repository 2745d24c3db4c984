// The streaming half of chat_writer.hpp: one `data:` frame per event, appended to one buffer.
#include "adapters/client/chat_writer.hpp"
#include "adapters/codec/json.hpp"

#include <charconv>
#include <utility>

namespace tollgate::adapters {
namespace {

// A frame is the head (fixed per answer), the choice's number, what differs, and the foot (fixed
// per answer).
constexpr std::size_t kFirstReserve = 1024;

class StreamWriter : public AnswerWriter {
public:
    StreamWriter(AnswerContext context, std::string_view object)
        : context_(std::move(context)),
          object_(object),
          foot_(context_.include_usage ? ",\"usage\":null}\n\n" : "}\n\n") {}

    void started(const AnswerStart& start) override {
        head_ = "data: {\"id\":";
        json::append_string(head_, start.id.empty() ? context_.id : start.id);
        head_ += ",\"object\":\"";
        head_ += object_;
        head_ += "\",\"created\":";
        head_ += std::to_string(start.created != 0 ? start.created : context_.created);
        head_ += ",\"model\":";
        json::append_string(head_, start.model.empty() ? context_.model : start.model);
        head_ += ",\"choices\":[";
    }

    void usage(const Usage& usage) override { usage_ = usage; }

    std::string take() override { return std::exchange(out_, {}); }

    void finish() override {
        if (context_.include_usage && usage_.reported) {
            append_head();
            out_ += "],\"usage\":";
            out_ += usage_json(usage_, cost_);
            out_ += "}\n\n";
        }
        out_ += "data: [DONE]\n\n";
    }

protected:
    struct Choice {
        bool has_delta = false;
        bool has_finished = false;
    };

    // Opens a frame up to and with the choice's `"index":n,`.
    void open(unsigned choice) {
        append_head();
        out_ += "{\"index\":";
        append_number(choice);
        out_ += ',';
    }

    // Closes it behind the member that precedes finish_reason.
    void close(FinishReason reason) {
        if (reason == FinishReason::none) {
            out_ += ",\"finish_reason\":null}]";
        } else {
            out_ += ",\"finish_reason\":\"";
            out_ += to_string(reason);
            out_ += "\"}]";
        }
        out_ += foot_;
    }

    void append_number(unsigned number) {
        char digits[10];
        const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
        out_.append(digits, end);
    }

    // A line end would break the frame.  In valid JSON it can only stand between tokens.
    void append_json(std::string_view value) {
        for (const char c : value) {
            if (c != '\n' && c != '\r') {
                out_ += c;
            }
        }
    }

    // False when the reason is none or the choice has finished before: nothing is to be written.
    bool mark_finished(unsigned choice, FinishReason reason) {
        if (reason == FinishReason::none || choices_[choice].has_finished) {
            return false;
        }
        choices_[choice].has_finished = true;
        finished_ = true;
        return true;
    }

    std::string out_;
    std::map<unsigned, Choice> choices_;  // not a vector: the vendor chooses the numbers

private:
    void append_head() {
        if (head_.empty()) {
            started({});
        }
        if (out_.empty()) {
            out_.reserve(kFirstReserve);
        }
        out_ += head_;
    }

    AnswerContext context_;
    std::string_view object_;
    std::string_view foot_;
    std::string head_;
};

class ChatStream final : public StreamWriter {
public:
    explicit ChatStream(AnswerContext context)
        : StreamWriter(std::move(context), "chat.completion.chunk") {}

    void text(unsigned choice, std::string_view piece) override { say(choice, "content", piece); }
    void reasoning(unsigned choice, std::string_view piece) override {
        say(choice, "reasoning_content", piece);
    }
    void refusal(unsigned choice, std::string_view piece) override {
        say(choice, "refusal", piece);
    }

    void tool_call(unsigned choice, unsigned index, std::string_view id,
                   std::string_view name) override {
        open_tool(choice, index);
        out_ += ",\"id\":";
        json::append_string(out_, id);
        out_ += ",\"type\":\"function\",\"function\":{\"name\":";
        json::append_string(out_, name);
        out_ += ",\"arguments\":\"\"}}]}";
        close(FinishReason::none);
    }

    void tool_arguments(unsigned choice, unsigned index, std::string_view piece) override {
        if (piece.empty()) {
            return;
        }
        hear(piece);
        open_tool(choice, index);
        out_ += ",\"function\":{\"arguments\":\"";
        json::append_escaped(out_, piece);
        out_ += "\"}}]}";
        close(FinishReason::none);
    }

    void extension(unsigned choice, std::string_view name, std::string_view value) override {
        open_delta(choice);
        json::append_string(out_, name);
        out_ += ':';
        append_json(value);
        out_ += '}';
        close(FinishReason::none);
    }

    void finished(unsigned choice, FinishReason reason) override {
        if (!mark_finished(choice, reason)) {
            return;
        }
        open(choice);
        // An answer without any content still says who speaks.
        out_ += choices_[choice].has_delta ? "\"delta\":{}"
                                           : "\"delta\":{\"role\":\"assistant\",\"content\":\"\"}";
        choices_[choice].has_delta = true;
        close(reason);
    }

private:
    // Only the first delta of a choice carries the role.  It waits for content, so that nothing has
    // gone to the client, and another vendor can still be tried, while the vendor has only opened
    // its answer.
    void open_delta(unsigned choice) {
        open(choice);
        Choice& state = choices_[choice];
        out_ += state.has_delta ? "\"delta\":{" : "\"delta\":{\"role\":\"assistant\",";
        state.has_delta = true;
    }

    void open_tool(unsigned choice, unsigned index) {
        open_delta(choice);
        out_ += "\"tool_calls\":[{\"index\":";
        append_number(index);
    }

    void say(unsigned choice, std::string_view member, std::string_view piece) {
        if (piece.empty()) {
            return;
        }
        hear(piece);
        open_delta(choice);
        out_ += '"';
        out_ += member;
        out_ += "\":\"";
        json::append_escaped(out_, piece);
        out_ += "\"}";
        close(FinishReason::none);
    }
};

// The legacy shape has text and nothing else: a refusal is text there, tool calls cannot be asked
// for.
class TextStream final : public StreamWriter {
public:
    explicit TextStream(AnswerContext context)
        : StreamWriter(std::move(context), "text_completion") {}

    void text(unsigned choice, std::string_view piece) override {
        if (!piece.empty()) {
            hear(piece);
            open_text(choice, piece);
            close(FinishReason::none);
        }
    }
    void refusal(unsigned choice, std::string_view piece) override { text(choice, piece); }
    void reasoning(unsigned choice, std::string_view piece) override {
        if (!piece.empty()) {
            hear(piece);
            open_text(choice, {});
            out_ += ",\"reasoning_content\":";
            json::append_string(out_, piece);
            close(FinishReason::none);
        }
    }
    void tool_call(unsigned, unsigned, std::string_view, std::string_view) override {}
    void tool_arguments(unsigned, unsigned, std::string_view) override {}
    void extension(unsigned choice, std::string_view name, std::string_view value) override {
        open_text(choice, {});
        out_ += ',';
        json::append_string(out_, name);
        out_ += ':';
        append_json(value);
        close(FinishReason::none);
    }
    void finished(unsigned choice, FinishReason reason) override {
        if (mark_finished(choice, reason)) {
            open_text(choice, {});
            close(reason);
        }
    }

private:
    void open_text(unsigned choice, std::string_view piece) {
        open(choice);
        out_ += "\"text\":\"";
        json::append_escaped(out_, piece);
        out_ += "\",\"logprobs\":null";
    }
};

}  // namespace

std::unique_ptr<AnswerWriter> stream_writer(AnswerContext context) {
    if (context.operation == Operation::completions) {
        return std::make_unique<TextStream>(std::move(context));
    }
    return std::make_unique<ChatStream>(std::move(context));
}

}  // namespace tollgate::adapters
