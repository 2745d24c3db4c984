#include "router/conversation.hpp"

#include <functional>

namespace tollgate::router {
namespace {

std::uint64_t hash_of(std::string_view bytes) noexcept {
    // The table takes its tag from the upper bits, so they must be well mixed too.
    std::uint64_t hash = std::hash<std::string_view>()(bytes);
    hash ^= hash >> 32U;
    hash *= 0x9e3779b97f4a7c15U;
    return hash == 0 ? 1 : hash;
}

// Behind the string that begins at `at` (its opening quote); the text is valid JSON.
std::size_t skip_string(std::string_view json, std::size_t at) noexcept {
    for (++at; at < json.size();) {
        at = json.find_first_of("\"\\", at);
        if (at == std::string_view::npos) {
            return json.size();
        }
        if (json[at] == '"') {
            return at + 1;
        }
        at += 2;
    }
    return json.size();
}

// Behind the array's element that begins at or after `at`; 0: there is none.
std::size_t skip_element(std::string_view json, std::size_t at) noexcept {
    std::size_t depth = 0;
    while (at < json.size()) {
        at = json.find_first_of("{}[]\"", at);
        if (at == std::string_view::npos) {
            return 0;
        }
        const char c = json[at];
        if (c == '"') {
            at = skip_string(json, at);
            continue;
        }
        ++at;
        if (c == '{' || c == '[') {
            ++depth;
        } else if (depth == 0) {
            return 0;  // the end of the array itself
        } else if (--depth == 0) {
            return at;
        }
    }
    return 0;
}

// A quote within a string is escaped, so this finds keys only.
bool is_users(std::string_view message) noexcept {
    std::size_t at = message.find("\"role\"");
    if (at == std::string_view::npos) {
        return false;
    }
    at = message.find('"', at + 6);
    return at != std::string_view::npos && message.substr(at, 6) == "\"user\"";
}

}  // namespace

Conversation conversation_of(const adapters::Request& request, std::string_view session) {
    if (!session.empty()) {
        return {.hash = hash_of(session), .continues = true};
    }
    if (const adapters::Member* const key = request.find("prompt_cache_key")) {
        if (const std::string_view raw = request.raw(*key); raw.size() > 2 && raw != "null") {
            return {.hash = hash_of(raw), .continues = true};
        }
    }
    const adapters::Member* const messages = request.find("messages");
    if (messages == nullptr) {
        return {};
    }
    const std::string_view json = request.raw(*messages);
    for (std::size_t begin = 1;;) {
        const std::size_t end = skip_element(json, begin);
        if (end == 0) {
            return {};
        }
        if (is_users(json.substr(begin, end - begin))) {
            return {.hash = hash_of(json.substr(0, end)),
                    .continues = skip_element(json, end) != 0};
        }
        begin = end;
    }
}

}  // namespace tollgate::router
