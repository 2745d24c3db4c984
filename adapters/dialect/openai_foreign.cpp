// What earlier answers in a conversation carry of another vendor's, and this one refuses.
#include "adapters/codec/json.hpp"
#include "adapters/dialect/call_id.hpp"
#include "adapters/dialect/openai.hpp"

#include <algorithm>
#include <string>

namespace tollgate::adapters::openai {
namespace {

using json::Value;
using json::Writer;

// Of one member of a body that Request::peek has checked already.
constexpr json::Limits kLimits{.depth = 1024};

/// What a first look at the bytes of `messages` finds.  Names in the text of a message are escaped
/// there, or at worst make us look again for nothing.
struct Sight {
    bool has_answers = false;
    bool has_foreign = false;
    bool has_long_id = false;
};

/// The length of the string that follows, as written.
std::size_t next_string(std::string_view json) noexcept {
    const std::size_t begin = json.find('"');
    const std::size_t end = begin == std::string_view::npos ? begin : json.find('"', begin + 1);
    return end == std::string_view::npos ? 0 : end - begin - 1;
}

// One pass from quote to quote, since this is done for every request.
Sight look(std::string_view json, const RequestEdits& edits) {
    Sight sight;
    for (std::size_t at = json.find('"'); at != std::string_view::npos;
         at = json.find('"', at + 1)) {
        const std::string_view rest = json.substr(at + 1);
        const auto is = [&](std::string_view name) {
            return rest.size() > name.size() && rest[name.size()] == '"' && rest.starts_with(name);
        };
        if (is("assistant")) {
            sight.has_answers = true;
        } else if (is("tool_call_id")) {
            // Without a result there is no call: vendors of this shape refuse such a history.
            sight.has_long_id =
                sight.has_long_id || next_string(rest.substr(13)) > edits.longest_call_id;
        } else if (!sight.has_foreign && !edits.foreign.empty()) {
            sight.has_foreign =
                is("thinking") || is("redacted_thinking") || std::ranges::any_of(edits.foreign, is);
        }
    }
    sight.has_long_id = sight.has_long_id && edits.longest_call_id > 0;
    return sight;
}

/// Writes the messages that must change anew, member by member.
class Cleaner {
public:
    explicit Cleaner(const RequestEdits& edits) : edits_(edits) {}

    /// Empty: the message may stay as it is.
    [[nodiscard]] std::string clean(Value message) {
        changed_ = false;
        std::string out;
        Writer writer(out);
        write_object(writer, message);
        return changed_ ? out : std::string();
    }

private:
    [[nodiscard]] bool is_foreign(std::string_view key) const {
        return std::ranges::find(edits_.foreign, key) != edits_.foreign.end();
    }

    void write_object(Writer& writer, Value object) {
        writer.begin_object();
        for (const Value member : object) {
            const std::string_view key = member.key();
            if (is_foreign(key)) {
                changed_ = true;
                continue;
            }
            writer.key(key);
            if (key == "tool_calls" && member.is_array()) {
                write_calls(writer, member);
            } else if (key == "content" && member.is_array()) {
                write_parts(writer, member);
            } else if ((key == "id" || key == "tool_call_id") && member.is_string()) {
                write_id(writer, member);
            } else {
                writer.raw(member.raw());
            }
        }
        writer.end_object();
    }

    void write_calls(Writer& writer, Value calls) {
        writer.begin_array();
        for (const Value call : calls) {
            if (call.is_object()) {
                write_object(writer, call);
            } else {
                writer.raw(call.raw());
            }
        }
        writer.end_array();
    }

    // Thinking as a part of the content is Anthropic's and Mistral's.
    void write_parts(Writer& writer, Value parts) {
        std::size_t kept = 0;
        std::string list;
        Writer inner(list);
        inner.begin_array();
        for (const Value part : parts) {
            const std::string_view type = part["type"].string();
            const bool is_thinking = type == "thinking" || type == "redacted_thinking";
            if (is_thinking && !edits_.foreign.empty()) {
                changed_ = true;
                continue;
            }
            inner.raw(part.raw());
            ++kept;
        }
        inner.end_array();
        writer.raw(kept == 0 && parts.size() > 0 ? std::string_view(R"("")") : list);
    }

    void write_id(Writer& writer, Value value) {
        const std::string_view id = value.string();
        if (edits_.longest_call_id == 0 || id.size() <= edits_.longest_call_id) {
            writer.raw(value.raw());
            return;
        }
        changed_ = true;
        const std::string_view plain = without_signature(id);
        writer.string(plain.size() <= edits_.longest_call_id ? std::string(plain)
                                                             : digest_id("call_", plain));
    }

    const RequestEdits& edits_;
    bool changed_ = false;
};

}  // namespace

void drop_foreign(const Request& request, const Vendor& vendor, json::ObjectEdit& edit) {
    const RequestEdits& edits = vendor.request;
    const Member* const messages = request.find("messages");
    if (messages == nullptr || (edits.foreign.empty() && edits.longest_call_id == 0)) {
        return;
    }
    const std::string_view json = request.raw(*messages);
    const Sight sight = look(json, edits);
    if (!sight.has_answers || !(sight.has_foreign || sight.has_long_id)) {
        return;
    }
    const Result<json::Document> document = json::Document::parse(json, kLimits);
    if (!document) {
        return;  // not reached: peek has checked the body
    }
    Cleaner cleaner(edits);
    for (const Value message : document->root()) {
        const std::string_view role = message["role"].string();
        if (role != "assistant" && role != "tool") {
            continue;
        }
        if (std::string text = cleaner.clean(message); !text.empty()) {
            const auto begin = static_cast<std::size_t>(message.raw().data() - request.body.data());
            edit.replace({begin, begin + message.raw().size()}, std::move(text));
        }
    }
}

}  // namespace tollgate::adapters::openai
