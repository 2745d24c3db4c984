// What the load client orders from the mock upstream, and the exact bytes that it must get for it.
// Both sides make them from the same order, so that every byte of every answer is checked.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace tollgate::bench {

/// Travels at the start of the prompt, since gateways drop headers and fields that they do not
/// know.
struct Order {
    std::uint64_t id = 0;
    unsigned chunks = 0;       ///< 0: a whole answer; else a stream of so many deltas
    unsigned interval_ms = 0;  ///< between two of them; 0: all at once

    /// Pieces of the answer: the body, or the deltas, the finish chunk and [DONE].
    [[nodiscard]] unsigned pieces() const noexcept { return chunks == 0 ? 1 : chunks + 2; }
};

inline std::string order_text(const Order& order) {
    char text[96];
    const int size =
        std::snprintf(text, sizeof text, "[[id=%llu n=%u ms=%u]]",
                      static_cast<unsigned long long>(order.id), order.chunks, order.interval_ms);
    return {text, static_cast<std::size_t>(size)};
}

/// False where `body` holds no order.
inline bool read_order(std::string_view body, Order& order) {
    const std::size_t at = body.find("[[id=");
    if (at == std::string_view::npos) {
        return false;
    }
    const std::string text(body.substr(at, 96));
    unsigned long long id = 0;
    if (std::sscanf(text.c_str(), "[[id=%llu n=%u ms=%u]]", &id, &order.chunks,
                    &order.interval_ms) != 3) {
        return false;
    }
    order.id = id;
    return true;
}

namespace detail {

inline void append_head(std::string& out, std::uint64_t id, std::string_view object) {
    char text[64];
    const int size = std::snprintf(text, sizeof text, "{\"id\":\"chatcmpl-%020llu\",\"object\":\"",
                                   static_cast<unsigned long long>(id));
    out.append(text, static_cast<std::size_t>(size)).append(object);
    out.append(R"(","created":1741569952,"model":"gpt-4o-mini-2024-07-18",)"
               R"("system_fingerprint":"fp_06737a9306","choices":[)");
}

inline void append_whole(std::string& out, std::uint64_t id) {
    append_head(out, id, "chat.completion");
    out.append(R"({"index":0,"message":{"role":"assistant","content":")");
    for (int i = 0; i < 8; ++i) {  // UTF-8, an escape and what looks like the end of a stream
        out.append(
            R"(One coin for the gate, \"two\" f\u00fcr die Br\u00fccke \u2014 żółw, data: [DONE]. )");
    }
    out.append(R"("},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":150,)"
               R"("completion_tokens":80,"total_tokens":230,"prompt_tokens_details":)"
               R"({"cached_tokens":0}}})");
}

inline void append_delta(std::string& out, std::uint64_t id, unsigned index) {
    out.append("data: ");
    append_head(out, id, "chat.completion.chunk");
    char text[32];
    const int size = std::snprintf(text, sizeof text, " \\\"%u\\\" żółw", index);
    out.append(R"({"index":0,"delta":{"content":")").append(text, static_cast<std::size_t>(size));
    out.append("\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n");
}

}  // namespace detail

/// Appends piece `index` of the answer, without HTTP framing.
inline void append_piece(std::string& out, const Order& order, unsigned index) {
    if (order.chunks == 0) {
        detail::append_whole(out, order.id);
    } else if (index < order.chunks) {
        detail::append_delta(out, order.id, index);
    } else if (index == order.chunks) {
        out.append("data: ");
        detail::append_head(out, order.id, "chat.completion.chunk");
        out.append("{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]}\n\n");
    } else {
        out.append("data: [DONE]\n\n");
    }
}

/// The usage chunk, sent between the two last pieces when the request asks for it.  The client
/// never does: where it arrives all the same, the answer is wrong.
inline void append_usage(std::string& out, const Order& order) {
    out.append("data: ");
    detail::append_head(out, order.id, "chat.completion.chunk");
    out.append(
        "],\"usage\":{\"prompt_tokens\":150,\"completion_tokens\":80,\"total_tokens\":230}}\n\n");
}

}  // namespace tollgate::bench
