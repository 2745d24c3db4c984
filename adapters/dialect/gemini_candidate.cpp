#include "adapters/dialect/gemini_candidate.hpp"

#include "adapters/dialect/gemini.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <array>

namespace tollgate::adapters::gemini {
namespace {

using json::Value;

// Text kept for turning Google's byte offsets into characters; a longer answer gets no annotations,
// only the raw metadata.
constexpr std::size_t kGroundedTextLimit = 256 * 1024;
constexpr std::size_t kSeedLength =
    24;  // with the rest of the id below the 40 characters that OpenAI allows

/// What a finishReason means for the client.
enum class Ending : std::uint8_t { stop, length, filtered, failed };

Ending ending_of(std::string_view reason) noexcept {
    constexpr std::array<std::string_view, 9> kFiltered{"SAFETY",
                                                        "RECITATION",
                                                        "BLOCKLIST",
                                                        "PROHIBITED_CONTENT",
                                                        "SPII",
                                                        "LANGUAGE",
                                                        "IMAGE_SAFETY",
                                                        "IMAGE_PROHIBITED_CONTENT",
                                                        "IMAGE_RECITATION"};
    if (reason == "STOP" || reason == "FINISH_REASON_UNSPECIFIED") {
        return Ending::stop;
    }
    if (reason == "MAX_TOKENS") {
        return Ending::length;
    }
    if (std::ranges::find(kFiltered, reason) != kFiltered.end()) {
        return Ending::filtered;
    }
    return Ending::failed;  // MALFORMED_FUNCTION_CALL, UNEXPECTED_TOOL_CALL, NO_IMAGE, OTHER, and
                            // whatever comes next
}

bool is_alphanumeric(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

std::string fenced(std::string_view language, std::string_view text) {
    std::string out = "\n```";
    out += language;
    out += '\n';
    out += text;
    out += "\n```\n";
    return out;
}

/// As Google's own OpenAI-compatible surface writes it.
std::string signature_extension(std::string_view signature) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object().key("google").begin_object();
    writer.member("thought_signature", signature).end_object().end_object();
    return out;
}

}  // namespace

void CallIds::set_answer_id(std::string_view id) {
    for (const char c : id) {
        if (is_alphanumeric(c) && seed_.size() < kSeedLength) {
            seed_ += c;
        }
    }
}

std::string CallIds::make(unsigned choice, unsigned number) {
    if (seed_.empty()) {
        std::array<unsigned char, kSeedLength / 2> random{};
        RAND_bytes(random.data(), static_cast<int>(random.size()));
        for (const unsigned char byte : random) {
            seed_ += "0123456789abcdef"[byte >> 4];
            seed_ += "0123456789abcdef"[byte & 15];
        }
    }
    return "call_" + seed_ + "_" + std::to_string(choice) + "_" + std::to_string(number);
}

Result<void> Candidate::read(Value value, CallIds& ids, EventSink& sink) {
    std::string images;
    for (const Value part : value["content"]["parts"]) {
        if (!part["functionCall"].is_object()) {
            read_part(part, images, sink);
        } else if (auto done = read_call(part, ids, sink); !done) {
            return done;
        }
    }
    if (!images.empty()) {
        sink.extension(choice_, "images", "[" + images + "]");
        has_content_ = true;
    }
    if (const Value reason = value["finishReason"]; reason.is_string()) {
        said_reason_ = true;
        reason_ = reason.string();
        message_ = value["finishMessage"].string();
    }
    keep_metadata(value);
    return {};
}

void Candidate::keep_metadata(Value value) {
    struct Name {
        std::string_view google;
        std::string_view ours;
    };
    constexpr std::array<Name, 4> kNames{{{"groundingMetadata", "grounding_metadata"},
                                          {"citationMetadata", "citation_metadata"},
                                          {"urlContextMetadata", "url_context_metadata"},
                                          {"safetyRatings", "safety_ratings"}}};
    for (const Name& name : kNames) {
        if (const Value found = value[name.google]; found.size() != 0) {
            metadata_.insert_or_assign(std::string(name.ours), compact(found.raw()));
        }
    }
}

void Candidate::read_part(Value part, std::string& images, EventSink& sink) {
    const std::string_view signature = part["thoughtSignature"].string();
    if (part["text"].exists() &&
        !signature.empty()) {  // a signature may come alone, on an empty text
        signature_ = signature;
    }
    const bool is_thought = part["thought"].boolean();
    if (const std::string_view text = part["text"].string(); !text.empty()) {
        if (is_thought) {
            sink.reasoning(choice_, text);
        } else {
            say(text, sink);
        }
    } else if (const Value data = part["inlineData"]; data.is_object()) {
        if (!is_thought) {  // sketches made while thinking are not the answer
            read_inline(data, signature, images, sink);
        }
    } else if (const Value code = part["executableCode"]; code.is_object()) {
        const std::string_view language = code["language"].string() == "PYTHON" ? "python" : "";
        say(fenced(language, code["code"].string()), sink);
    } else if (const Value result = part["codeExecutionResult"]; result.is_object()) {
        say(fenced("", result["output"].string()), sink);
    }
}

void Candidate::say(std::string_view text, EventSink& sink) {
    sink.text(choice_, text);
    has_content_ = true;
    if (text_cut_ || text_.size() + text.size() > kGroundedTextLimit) {
        text_cut_ = true;
    } else {
        text_ += text;
    }
}

void Candidate::read_inline(Value data, std::string_view signature, std::string& images,
                            EventSink& sink) {
    const std::string_view mime = data["mimeType"].string();
    std::string out;
    json::Writer writer(out);
    if (mime.starts_with("audio/")) {
        writer.begin_object().member("data", data["data"].string()).end_object();
        sink.extension(choice_, "audio", out);
        has_content_ = true;
        return;
    }
    std::string url = "data:";
    url += mime;
    url += ";base64,";
    url += data["data"].string();
    writer.begin_object().member("type", "image_url").key("image_url");
    writer.begin_object().member("url", url).end_object();
    if (!signature.empty()) {  // wanted back with the picture when it is to be edited further
        writer.key("extra_content").raw(signature_extension(signature));
    }
    writer.end_object();
    if (!images.empty()) {
        images += ',';
    }
    images += out;
}

// A call comes whole: arguments in parts (partialArgs) are only sent to who asks for them, and
// nothing here does.
Result<void> Candidate::read_call(Value part, CallIds& ids, EventSink& sink) {
    const Value call = part["functionCall"];
    if (call["partialArgs"].exists() || call["willContinue"].boolean()) {
        return fail(FailureKind::protocol_error, "a function call came in parts, unasked");
    }
    std::string id(call["id"].string());
    if (id.empty()) {
        id = ids.make(choice_, tool_calls_);
    }
    if (const std::string_view signature = part["thoughtSignature"].string(); !signature.empty()) {
        id = join_signature(id, signature);
    }
    sink.tool_call(choice_, tool_calls_, id, call["name"].string());
    const Value args = call["args"];
    sink.tool_arguments(choice_, tool_calls_,
                        args.is_object() ? compact(args.raw()) : std::string("{}"));
    ++tool_calls_;
    has_content_ = true;
    return {};
}

bool Candidate::has_failed_empty() const noexcept {
    return !has_content_ && reason_ != "OTHER" && ending_of(reason_) == Ending::failed;
}

std::string Candidate::reason_text() const {
    constexpr std::size_t kLimit = 300;
    std::string text = "finishReason " + reason_.substr(0, kLimit);
    if (!message_.empty()) {
        text += ": " + message_.substr(0, kLimit);
    }
    return text;
}

void Candidate::finish(EventSink& sink) const {
    for (const auto& [name, value] : metadata_) {
        // The ratings stand on every chunk; they matter where they stopped the answer.
        if (name != "safety_ratings" || ending_of(reason_) == Ending::filtered) {
            sink.extension(choice_, name, value);
        }
    }
    write_annotations(sink);
    if (!signature_.empty()) {
        sink.extension(choice_, "extra_content", signature_extension(signature_));
    }
    sink.finished(choice_, finish_reason());
}

void Candidate::write_annotations(EventSink& sink) const {
    const auto grounding = metadata_.find("grounding_metadata");
    if (grounding == metadata_.end() || text_cut_) {
        return;
    }
    const Result<json::Document> parsed = json::Document::parse(grounding->second);
    if (!parsed) {
        return;  // cannot be: it was a value of a parsed document
    }
    if (const std::string list = annotations(parsed->root(), text_); list != "[]") {
        sink.extension(choice_, "annotations", list);
    }
}

FinishReason Candidate::finish_reason() const noexcept {
    switch (ending_of(reason_)) {
        case Ending::length:
            return FinishReason::length;
        case Ending::filtered:
            return FinishReason::content_filter;
        case Ending::failed:
            if (!has_content_) {  // OTHER: in practice the recitation and safety checks
                return FinishReason::content_filter;
            }
            break;
        case Ending::stop:
            break;
    }
    return tool_calls_ != 0 ? FinishReason::tool_calls : FinishReason::stop;
}

}  // namespace tollgate::adapters::gemini
