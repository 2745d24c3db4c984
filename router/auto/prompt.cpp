#include "router/auto/prompt.hpp"

#include <algorithm>
#include <cstring>

namespace tollgate::router {
namespace {

/// Reads JSON that is known to be well-formed.  At the end of the text every function stays there,
/// so that a mistake in that assumption ends in nothing found.
class Cursor {
public:
    explicit Cursor(std::string_view text) noexcept : at_(text.data()), end_(at_ + text.size()) {}

    /// The next byte that is no white space, comma or colon; NUL at the end.
    [[nodiscard]] char peek() noexcept {
        while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r' ||
                              *at_ == ',' || *at_ == ':')) {
            ++at_;
        }
        return at_ < end_ ? *at_ : '\0';
    }
    /// Steps over `c` if it is next.
    [[nodiscard]] bool take(char c) noexcept {
        if (peek() != c) {
            return false;
        }
        ++at_;
        return true;
    }
    /// A string's inner bytes; the cursor stands on the opening quote.
    [[nodiscard]] std::string_view string() noexcept {
        const char* const begin = ++at_;
        while (at_ < end_) {
            const auto* const quote = static_cast<const char*>(
                std::memchr(at_, '"', static_cast<std::size_t>(end_ - at_)));
            if (quote == nullptr) {
                break;
            }
            const char* slash = quote;
            while (slash > begin && slash[-1] == '\\') {
                --slash;
            }
            at_ = quote + 1;
            if ((quote - slash) % 2 == 0) {
                return {begin, static_cast<std::size_t>(quote - begin)};
            }
        }
        at_ = end_;
        return {};
    }
    /// Steps over one value of any kind.
    void skip() noexcept {
        std::size_t depth = 0;
        do {
            const char c = peek();
            if (c == '"') {
                (void)string();
            } else if (c == '{' || c == '[') {
                ++depth;
                ++at_;
            } else if (c == '}' || c == ']') {
                if (depth == 0) {
                    return;
                }
                --depth;
                ++at_;
            } else {
                while (at_ < end_ && *at_ != ',' && *at_ != '}' && *at_ != ']') {
                    ++at_;
                }
            }
        } while (depth > 0 && at_ < end_);
    }
    /// Calls `use(key)` for each member of an object; `use` must consume the value.
    template <class Use>
    void members(const Use& use) {
        if (!take('{')) {
            skip();
            return;
        }
        while (peek() == '"') {
            use(string());
        }
        (void)take('}');
    }
    /// Calls `use()` for each element of an array; `use` must consume it.
    template <class Use>
    void elements(const Use& use) {
        if (!take('[')) {
            skip();
            return;
        }
        for (char c = peek(); c != ']' && c != '\0'; c = peek()) {
            use();
        }
        (void)take(']');
    }
    /// A string's inner bytes, or nothing where another kind of value was stepped over.
    [[nodiscard]] std::string_view text_or_skip() noexcept {
        if (peek() == '"') {
            return string();
        }
        skip();
        return {};
    }

private:
    const char* at_;
    const char* end_;
};

struct MessageParts {
    std::string_view role;
    RawText text;
    bool has_image = false;
    bool has_audio = false;
    bool calls_tools = false;
    std::uint64_t text_bytes = 0;
};

/// The kinds of content part: OpenAI's chat completions reference, "messages" (read 2025-11).
void read_part(Cursor& in, MessageParts& out) {
    std::string_view type;
    std::string_view text;
    in.members([&](std::string_view key) {
        if (key == "type") {
            type = in.text_or_skip();
        } else if (key == "text") {
            text = in.text_or_skip();
        } else {
            in.skip();
        }
    });
    out.has_image =
        out.has_image || type == "image_url" || type == "image" || type == "input_image";
    out.has_audio = out.has_audio || type == "input_audio" || type == "audio";
    if (!text.empty()) {
        out.text.add(text);
        out.text_bytes += text.size();
    }
}

MessageParts read_message(Cursor& in) {
    MessageParts out;
    in.members([&](std::string_view key) {
        if (key == "role") {
            out.role = in.text_or_skip();
        } else if (key == "content" && in.peek() == '[') {
            in.elements([&] {
                if (in.peek() == '"') {
                    out.text.add(in.string());
                } else {
                    read_part(in, out);
                }
            });
        } else if (key == "content") {
            const std::string_view text = in.text_or_skip();
            if (!text.empty()) {
                out.text.add(text);
                out.text_bytes += text.size();
            }
        } else if (key == "tool_calls" || key == "function_call") {
            out.calls_tools = in.peek() == '[' || in.peek() == '{';
            in.skip();
        } else {
            in.skip();
        }
    });
    return out;
}

void add_message(const MessageParts& message, PromptOutline& out) {
    out.text_bytes += message.text_bytes;
    out.tool_messages += message.calls_tools ? 1U : 0U;
    if (message.role == "user") {
        out.has_image = out.has_image || message.has_image;
        out.has_audio = out.has_audio || message.has_audio;
        if (!message.text.empty()) {
            if (out.user_turns++ == 1) {
                out.opening = out.user;
            }
            out.user = message.text;
        }
    } else if (message.role == "system" || message.role == "developer") {
        if (out.system.empty()) {
            out.system = message.text;
        }
    } else if (message.role == "tool" || message.role == "function") {
        ++out.tool_messages;
    }
}

void read_plain(Cursor in, PromptOutline& out) {
    const auto add = [&](std::string_view text) {
        out.user.add(text);
        out.text_bytes += text.size();
    };
    if (in.peek() == '"') {
        add(in.string());
    } else {
        in.elements([&] {
            const std::string_view text = in.text_or_skip();
            if (!text.empty()) {
                add(text);
            }
        });
    }
    out.user_turns = 1;
}

/// The value of `type` in response_format.
std::string_view format_of(std::string_view raw) {
    std::string_view type;
    Cursor in(raw);
    in.members([&](std::string_view key) {
        if (key == "type") {
            type = in.text_or_skip();
        } else {
            in.skip();
        }
    });
    return type;
}

}  // namespace

PromptOutline outline_prompt(const adapters::Request& request) noexcept {
    PromptOutline out;
    bool tools = false;
    bool forbidden = false;
    for (const adapters::Member& member : request.members) {
        const std::string_view raw = request.raw(member);
        if (member.key == "messages") {
            Cursor in(raw);
            in.elements([&] { add_message(read_message(in), out); });
        } else if (member.key == "prompt" || member.key == "input") {
            read_plain(Cursor(raw), out);
        } else if (member.key == "tools" || member.key == "functions") {
            Cursor in(raw);
            tools = tools || (in.take('[') && in.peek() != ']' && in.peek() != '\0');
            out.text_bytes += raw.size();
        } else if (member.key == "tool_choice" || member.key == "function_call") {
            forbidden = raw == "\"none\"";
        } else if (member.key == "response_format") {
            const std::string_view format = format_of(raw);
            out.wants_schema = format == "json_schema";
            out.wants_json = out.wants_schema || format == "json_object";
        }
    }
    out.offers_tools = tools && !forbidden;
    return out;
}

std::uint64_t estimate_tokens(const PromptOutline& outline) noexcept {
    const auto wide = [](std::string_view text) {
        constexpr std::size_t kSample = 512;
        const std::string_view sample = text.substr(0, kSample);
        return sample.empty() ? 0.0
                              : static_cast<double>(std::ranges::count_if(
                                    sample, [](char c) { return (c & 0x80) != 0; })) /
                                    static_cast<double>(sample.size());
    };
    const double share = outline.user.empty() ? 0.0 : wide(outline.user.pieces[0]);
    const double per_token = 4.0 - 2.0 * share;
    constexpr std::uint64_t kImage = 800;  // between the low and high detail of the large vendors
    return static_cast<std::uint64_t>(static_cast<double>(outline.text_bytes) / per_token) +
           (outline.has_image ? kImage : 0);
}

}  // namespace tollgate::router
