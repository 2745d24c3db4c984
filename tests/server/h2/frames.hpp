// HTTP/2 frames as bytes (RFC 9113 section 4.1), written and taken apart.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tollgate::server::tests::h2 {

enum Type : std::uint8_t {
    kData = 0,
    kHeaders = 1,
    kPriority = 2,
    kReset = 3,
    kSettings = 4,
    kPushPromise = 5,
    kPing = 6,
    kGoaway = 7,
    kWindow = 8,
    kContinuation = 9
};
inline constexpr std::uint8_t kEndStream = 1;
inline constexpr std::uint8_t kAck = 1;
inline constexpr std::uint8_t kEndHeaders = 4;
inline constexpr std::uint8_t kPadded = 8;
inline constexpr std::uint8_t kHasPriority = 32;
inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
using Fields = std::vector<std::pair<std::string, std::string>>;

inline std::string number(std::uint32_t value) {
    return {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
            static_cast<char>(value >> 8), static_cast<char>(value)};
}
inline std::uint32_t number_at(std::string_view bytes, std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        value = value << 8 | static_cast<unsigned char>(bytes.at(at + i));
    }
    return value;
}
inline std::string frame(Type type, std::uint8_t flags, std::uint32_t stream,
                         std::string_view payload) {
    std::string bytes = number(static_cast<std::uint32_t>(payload.size())).substr(1);
    bytes.append({static_cast<char>(type), static_cast<char>(flags)});
    return bytes.append(number(stream)).append(payload);
}
inline std::string setting(std::uint16_t id, std::uint32_t value) {
    return std::string{static_cast<char>(id >> 8), static_cast<char>(id)} + number(value);
}
inline std::string settings(std::string_view entries = {}) {
    return frame(kSettings, 0, 0, entries);
}
inline std::string acknowledge() {
    return frame(kSettings, kAck, 0, {});
}
// RFC 7541 section 6.2.2, lengths below 127 or in two more bytes.
inline std::string literal(std::string_view text) {
    if (text.size() < 127) {
        return static_cast<char>(text.size()) + std::string(text);
    }
    std::string length{127};
    for (std::size_t rest = text.size() - 127;;) {
        const auto low = static_cast<char>(rest % 128);
        rest /= 128;
        length += static_cast<char>(rest > 0 ? low | 0x80 : low);
        if (rest == 0) {
            return length.append(text);
        }
    }
}
inline std::string block(const Fields& fields) {
    std::string bytes;
    for (const auto& [name, value] : fields) {
        bytes += '\0';
        bytes += literal(name) + literal(value);
    }
    return bytes;
}
inline std::string headers(std::uint32_t stream, const Fields& fields, std::uint8_t flags = 0) {
    return frame(kHeaders, kEndHeaders | flags, stream, block(fields));
}
inline std::string data(std::uint32_t stream, std::string_view bytes, std::uint8_t flags = 0) {
    return frame(kData, flags, stream, bytes);
}
inline std::string reset(std::uint32_t stream, std::uint32_t code) {
    return frame(kReset, 0, stream, number(code));
}
inline std::string goaway(std::uint32_t last, std::uint32_t code = 0) {
    return frame(kGoaway, 0, 0, number(last) + number(code));
}
inline std::string window(std::uint32_t stream, std::uint32_t more) {
    return frame(kWindow, 0, stream, number(more));
}

/// A good answer in two frames.
inline std::string answer(std::uint32_t stream, std::string_view body) {
    return headers(stream, {{":status", "200"}}) + data(stream, body, kEndStream);
}

/// A good request's fields.
inline Fields get(std::string path = "/health") {
    return {
        {":method", "GET"}, {":scheme", "http"}, {":path", std::move(path)}, {":authority", "a"}};
}
inline Fields post() {
    return {{":method", "POST"}, {":scheme", "http"}, {":path", "/v1/chat"}, {":authority", "a"}};
}

struct ParsedFrame {
    Type type;
    std::uint8_t flags;
    std::uint32_t stream;
    std::string payload;
    /// Of RST_STREAM and GOAWAY.
    [[nodiscard]] std::uint32_t code() const { return number_at(payload, type == kGoaway ? 4 : 0); }
};
/// Whole frames; what is left over is dropped.
inline std::vector<ParsedFrame> parse(std::string_view bytes) {
    std::vector<ParsedFrame> frames;
    while (bytes.size() >= 9) {
        const std::size_t length = number_at(bytes, 0) >> 8;
        if (bytes.size() < 9 + length) {
            break;
        }
        frames.push_back({.type = static_cast<Type>(bytes[3]),
                          .flags = static_cast<std::uint8_t>(bytes[4]),
                          .stream = number_at(bytes, 5) & 0x7fffffffU,
                          .payload = std::string(bytes.substr(9, length))});
        bytes.remove_prefix(9 + length);
    }
    return frames;
}

}  // namespace tollgate::server::tests::h2
