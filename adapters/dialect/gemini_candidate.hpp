// One candidate of a generateContent answer, as far as it has come, turned into events.
#pragma once

#include "adapters/codec/json.hpp"
#include "adapters/event.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace tollgate::adapters::gemini {

/// Makes ids for function calls that came without one: unique within a conversation, and the same
/// however the bytes were cut, because they are made from the answer's own id (or from random bytes
/// where it has none).
class CallIds {
public:
    void set_answer_id(std::string_view id);
    [[nodiscard]] std::string make(unsigned choice, unsigned number);

private:
    std::string seed_;
};

class Candidate {
public:
    explicit Candidate(unsigned choice) : choice_(choice) {}

    /// Reads one element of `candidates`.
    [[nodiscard]] Result<void> read(json::Value value, CallIds& ids, EventSink& sink);
    /// Google has said why it stopped.
    [[nodiscard]] bool is_complete() const noexcept { return said_reason_; }
    /// Google itself calls the answer failed (MALFORMED_FUNCTION_CALL …), and nothing of it is for
    /// the client.
    [[nodiscard]] bool has_failed_empty() const noexcept;
    /// finishReason and finishMessage, for a person.
    [[nodiscard]] std::string reason_text() const;
    /// Writes what was held back to the end, and the finish reason.
    void finish(EventSink& sink) const;

private:
    void read_part(json::Value part, std::string& images, EventSink& sink);
    [[nodiscard]] Result<void> read_call(json::Value part, CallIds& ids, EventSink& sink);
    void read_inline(json::Value data, std::string_view signature, std::string& images,
                     EventSink& sink);
    void say(std::string_view text, EventSink& sink);
    void keep_metadata(json::Value value);
    void write_annotations(EventSink& sink) const;
    [[nodiscard]] FinishReason finish_reason() const noexcept;

    unsigned choice_;
    unsigned tool_calls_ = 0;
    bool has_content_ = false;  ///< anything visible was sent
    bool said_reason_ = false;
    bool text_cut_ = false;  ///< text_ is not the whole text
    std::string reason_;     ///< finishReason
    std::string message_;    ///< finishMessage
    std::string text_;       ///< visible text, for the places of citations
    std::string signature_;  ///< thoughtSignature of a text part
    std::map<std::string, std::string, std::less<>>
        metadata_;  ///< told once, at the end: chunks repeat it
};

}  // namespace tollgate::adapters::gemini
