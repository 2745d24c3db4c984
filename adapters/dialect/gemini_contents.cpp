// OpenAI messages as Gemini contents.
#include "adapters/dialect/gemini.hpp"
#include "adapters/dialect/openai_shape.hpp"

#include <algorithm>
#include <map>

namespace tollgate::adapters::gemini {
namespace {

using openai_shape::at;

// Accepted in place of a real signature for calls that another model made
// (https://ai.google.dev/gemini-api/docs/ thought-signatures, FAQ): base64 of
// "skip_thought_signature_validator".
constexpr std::string_view kBypassSignature = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=";
// Ids of this form are made by gateways and by OpenAI, never by Google: the functions are matched
// by name and place.
constexpr std::string_view kForeignId = "call_";

std::string text_part(std::string_view text, std::string_view signature = {}) {
    std::string out;
    out.reserve(text.size() + 16);
    json::Writer writer(out);
    writer.begin_object().member("text", text);
    if (!signature.empty()) {
        writer.member("thoughtSignature", signature);
    }
    writer.end_object();
    return out;
}

/// The signature that Google's own OpenAI-compatible surface puts beside a message, a picture or a
/// call.
std::string_view signature_of(json::Value holder) noexcept {
    return holder["extra_content"]["google"]["thought_signature"].string();
}

class MessageReader {
public:
    MessageReader(const ModelTraits& traits, Surface surface)
        : traits_(traits), surface_(surface) {}

    Result<void> read(json::Value message, const std::string& where) {
        const std::string_view role = message["role"].string();
        if (role == "system" || role == "developer") {
            return read_system(message["content"], where + ".content");
        }
        if (role == "user") {
            return read_user(message["content"], where + ".content");
        }
        if (role == "assistant") {
            return read_assistant(message, where);
        }
        if (role == "tool" || role == "function") {
            return read_tool(message, where);
        }
        return fail_param(where + ".role",
                          "unknown role '" + std::string(role.substr(0, 40)) + "'");
    }

    Conversation take() && { return std::move(out_); }

private:
    struct Call {
        std::string_view name;
        std::size_t order = 0;
    };

    Result<void> read_system(json::Value content, const std::string& where) {
        if (content.is_string()) {
            if (!content.string().empty()) {
                out_.system.emplace_back(content.string());
            }
            return {};
        }
        std::size_t j = 0;
        for (const json::Value part : content) {
            if (!part["text"].is_string()) {
                return fail_param(at(where, j), "a system message holds only text parts");
            }
            if (!part["text"].string().empty()) {
                out_.system.emplace_back(part["text"].string());
            }
            ++j;
        }
        return {};
    }

    void add_text(Turn& turn, std::string_view text) {
        if (!text.empty()) {  // Google refuses empty text parts
            turn.parts.push_back({.json = text_part(text)});
            turn.has_text = true;
        }
    }

    Result<void> read_user(json::Value content, const std::string& where) {
        Turn& turn = out_.turn(Turn::Role::user);
        if (content.is_string()) {
            add_text(turn, content.string());
            return {};
        }
        if (!content.is_array()) {
            return fail_param(where, "must be a string or an array of parts");
        }
        std::size_t j = 0;
        for (const json::Value part : content) {
            const std::string path = at(where, j++);
            if (part["type"].string() == "text") {
                add_text(turn, part["text"].string());
                continue;
            }
            Result<std::string> media = media_part(part, path, surface_);
            if (!media) {
                return std::unexpected(std::move(media.error()));
            }
            turn.parts.push_back({.json = std::move(*media)});
        }
        return {};
    }

    Result<void> read_assistant(json::Value message, const std::string& where) {
        if (message["audio"].is_object()) {
            return fail_param(where + ".audio",
                              "Gemini keeps no earlier audio answers to refer to");
        }
        Turn& turn = out_.turn(Turn::Role::model);
        const std::string_view signature = signature_of(message);
        if (auto read = read_assistant_text(turn, message, where, signature); !read) {
            return read;
        }
        // Pictures that an earlier answer brought (the `images` extension) go back, so that they
        // can be edited further.
        std::size_t i = 0;
        for (const json::Value image : message["images"]) {
            Result<std::string> part = media_part(image, at(where + ".images", i++), surface_);
            if (!part) {
                return std::unexpected(std::move(part.error()));
            }
            if (const std::string_view own = signature_of(image); !own.empty()) {
                part->back() = ',';  // reopens the part's object
                json::append_string(*part, "thoughtSignature");
                *part += ':';
                json::append_string(*part, own);
                *part += '}';
            }
            turn.parts.push_back({.json = std::move(*part)});
        }
        std::size_t j = 0;
        for (const json::Value call : message["tool_calls"]) {
            if (auto read = read_call(turn, call, at(where + ".tool_calls", j), j == 0); !read) {
                return read;
            }
            ++j;
        }
        if (const json::Value call = message["function_call"]; call.is_object()) {
            return add_call(turn, call, {}, {}, where + ".function_call", true);
        }
        return {};
    }

    Result<void> read_assistant_text(Turn& turn, json::Value message, const std::string& where,
                                     std::string_view signature) {
        const json::Value content = message["content"];
        const std::size_t before = turn.parts.size();
        std::string_view last;
        if (content.is_string()) {
            last = content.string();
            add_text(turn, last);
        } else {
            std::size_t j = 0;
            for (const json::Value part : content) {
                const std::string_view type = part["type"].string();
                if (type != "text" && type != "refusal") {
                    return fail_param(at(where + ".content", j) + ".type",
                                      "an assistant message holds only text and refusal parts");
                }
                last = part[type].string();
                add_text(turn, last);
                ++j;
            }
        }
        if (const std::string_view refusal = message["refusal"].string(); !refusal.empty()) {
            last = refusal;
            add_text(turn, refusal);
        }
        if (!signature.empty() && !last.empty() && turn.parts.size() > before) {
            turn.parts.back().json = text_part(last, signature);
        }
        return {};
    }

    Result<void> read_call(Turn& turn, json::Value call, const std::string& where, bool is_first) {
        const std::string_view type = call["type"].string("function");
        if (type != "function") {
            return fail_param(where + ".type", "Gemini knows only function calls");
        }
        auto [id, signature] = split_signature(call["id"].string());
        if (signature.empty()) {
            signature = signature_of(call);
        }
        return add_call(turn, call["function"], id, std::move(signature), where + ".function",
                        is_first);
    }

    Result<void> add_call(Turn& turn, json::Value function, std::string_view id,
                          std::string signature, const std::string& where, bool is_first) {
        const std::string_view name = function["name"].string();
        if (name.empty()) {
            return fail_param(where + ".name", "has no function name");
        }
        std::string_view arguments = function["arguments"].string();
        if (arguments.find_first_not_of(" \t\r\n") == std::string_view::npos) {
            arguments = "{}";
        }
        const Result<json::Document> parsed = json::Document::parse(arguments);
        if (!parsed || !parsed->root().is_object()) {
            return fail_param(where + ".arguments", "must be a JSON object in a string");
        }
        if (signature.empty() && is_first && traits_.signatures) {
            signature = kBypassSignature;
        }
        calls_[id] = Call{.name = name, .order = call_count_};
        last_named_[name] = call_count_++;
        Turn::Part part;
        json::Writer writer(part.json);
        writer.begin_object().key("functionCall").begin_object();
        write_id(writer, id);
        writer.member("name", name).member_raw("args", parsed->root().raw());
        writer.end_object();
        if (!signature.empty()) {
            writer.member("thoughtSignature", signature);
        }
        writer.end_object();
        turn.parts.push_back(std::move(part));
        return {};
    }

    void write_id(json::Writer& writer, std::string_view id) const {
        // Vertex AI has been seen to answer 400 to ids.
        if (surface_ == Surface::gemini_api && !id.empty() && !id.starts_with(kForeignId)) {
            writer.member("id", id);
        }
    }

    /// The call that a tool message answers: by id, else by the name that the message itself gives.
    Result<Call> answered_call(json::Value message, std::string_view id,
                               const std::string& where) const {
        const auto found = calls_.find(id);
        if (!id.empty() && found != calls_.end()) {
            return found->second;
        }
        const std::string_view name = message["name"].string();
        if (!name.empty()) {
            const auto named = last_named_.find(name);
            return Call{.name = name,
                        .order = named == last_named_.end() ? call_count_ : named->second};
        }
        return fail_param(
            where + ".tool_call_id",
            "answers no tool call of an earlier assistant message; Gemini needs the name of "
            "the function, which is found through the call");
    }

    Result<void> read_tool(json::Value message, const std::string& where) {
        const std::string_view id = split_signature(message["tool_call_id"].string()).first;
        const Result<Call> call = answered_call(message, id, where);
        if (!call) {
            return std::unexpected(call.error());
        }
        std::string text;
        std::vector<std::string> media;
        if (auto read = read_tool_content(message["content"], where + ".content", text, media);
            !read) {
            return read;
        }
        Turn::Part part{.json = {}, .order = call->order};
        json::Writer writer(part.json);
        writer.begin_object().key("functionResponse").begin_object();
        write_id(writer, id);
        writer.member("name", call->name).key("response");
        const Result<json::Document> parsed = json::Document::parse(text);
        if (parsed && parsed->root().is_object()) {
            writer.raw(parsed->root().raw());
        } else {
            writer.begin_object().member("output", text).end_object();
        }
        if (!media.empty()) {
            writer.key("parts").begin_array();
            for (const std::string& one : media) {
                writer.raw(one);
            }
            writer.end_array();
        }
        writer.end_object().end_object();
        out_.turn(Turn::Role::tool).parts.push_back(std::move(part));
        return {};
    }

    Result<void> read_tool_content(json::Value content, const std::string& where, std::string& text,
                                   std::vector<std::string>& media) const {
        if (content.is_string()) {
            text = content.string();
            return {};
        }
        std::size_t j = 0;
        for (const json::Value part : content) {
            const std::string path = at(where, j++);
            if (part["text"].is_string()) {
                text += part["text"].string();
                continue;
            }
            if (traits_.generation < 30) {  // functionResponse.parts came with Gemini 3
                return fail_param(path, "this Gemini model takes only text in tool results");
            }
            Result<std::string> one = media_part(part, path, surface_);
            if (!one) {
                return std::unexpected(std::move(one.error()));
            }
            media.push_back(std::move(*one));
        }
        return {};
    }

    const ModelTraits& traits_;
    Surface surface_;
    Conversation out_;
    std::map<std::string_view, Call> calls_;              // by id without signature
    std::map<std::string_view, std::size_t> last_named_;  // for the legacy role "function"
    std::size_t call_count_ = 0;
};

void write_turn(json::Writer& writer, Turn& turn) {
    const bool is_user = turn.role == Turn::Role::user;
    // One turn answers one step; the answers stand in the order of the calls, however the client
    // sent them.
    std::ranges::stable_sort(turn.parts, {}, &Turn::Part::order);
    writer.begin_object();
    writer.member("role", turn.role == Turn::Role::model ? "model" : "user");
    writer.key("parts").begin_array();
    for (const Turn::Part& part : turn.parts) {
        writer.raw(part.json);
    }
    if (is_user && !turn.has_text) {  // Gemini refuses a turn of pictures alone, and an empty one
        writer.raw(text_part(" "));
    }
    writer.end_array().end_object();
}

}  // namespace

Turn& Conversation::turn(Turn::Role role) {
    if (turns.empty() || turns.back().role != role) {
        turns.push_back(Turn{.role = role});
    }
    return turns.back();
}

Result<Conversation> read_messages(json::Value messages, const ModelTraits& traits,
                                   Surface surface) {
    MessageReader reader(traits, surface);
    std::size_t i = 0;
    for (const json::Value message : messages) {
        if (auto read = reader.read(message, at("messages", i)); !read) {
            return std::unexpected(std::move(read.error()));
        }
        ++i;
    }
    return std::move(reader).take();
}

void write_conversation(json::Writer& writer, Conversation&& conversation) {
    std::vector<Turn>& turns = conversation.turns;
    std::erase_if(turns,
                  [](const Turn& turn) {  // an assistant message without content says nothing
                      return turn.role == Turn::Role::model && turn.parts.empty();
                  });
    if (turns.empty()) {  // contents must not be empty: the last instruction becomes the question
        Turn turn{.role = Turn::Role::user};
        if (!conversation.system.empty()) {
            turn.parts.push_back({.json = text_part(conversation.system.back())});
            turn.has_text = true;
            conversation.system.pop_back();
        }
        turns.push_back(std::move(turn));
    } else if (turns.front().role == Turn::Role::model) {
        // "function call turn comes immediately after a user turn": a history that was cut short
        // gets an empty opening.
        turns.insert(turns.begin(), Turn{.role = Turn::Role::user});
    }
    writer.key("contents").begin_array();
    for (Turn& turn : turns) {
        write_turn(writer, turn);
    }
    writer.end_array();
    if (!conversation.system.empty()) {
        writer.key("systemInstruction").begin_object().key("parts").begin_array();
        for (const std::string& text : conversation.system) {
            writer.raw(text_part(text));
        }
        writer.end_array().end_object();
    }
}

}  // namespace tollgate::adapters::gemini
