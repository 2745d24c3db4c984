// Strict reader of one-line flat JSON objects, as log lines are: nothing nested, no raw control
// bytes, valid UTF-8.
#pragma once

#include "metrics/utf8.hpp"

#include <cctype>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace tollgate::metrics::test {

class FlatJson {
public:
    /// Name → value: text unescaped, everything else as written.  Null optional: not valid JSON, or
    /// a repeated name.
    using Object = std::map<std::string, std::string>;
    [[nodiscard]] static std::optional<Object> parse(std::string_view line) {
        if (!is_utf8(line)) {
            return std::nullopt;
        }
        for (const char c : line) {
            if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
                return std::nullopt;
            }
        }
        FlatJson reader(line);
        Object object;
        if (!reader.take('{')) {
            return std::nullopt;
        }
        do {
            const auto name = reader.string();
            if (!name || !reader.take(':')) {
                return std::nullopt;
            }
            const auto value = reader.rest_.starts_with('"') ? reader.string() : reader.word();
            if (!value || !object.emplace(*name, *value).second) {
                return std::nullopt;
            }
        } while (reader.take(','));
        if (!reader.take('}') || !reader.rest_.empty()) {
            return std::nullopt;
        }
        return object;
    }

private:
    explicit FlatJson(std::string_view text) : rest_(text) {}

    bool take(char c) {
        if (!rest_.starts_with(c)) {
            return false;
        }
        rest_.remove_prefix(1);
        return true;
    }
    std::optional<std::string> word() {
        const auto end = rest_.find_first_of(",}");
        const std::string text(rest_.substr(0, end));
        rest_.remove_prefix(text.size());
        if (text == "true" || text == "false" || text == "null") {
            return text;
        }
        const auto digits = text.find_first_not_of("0123456789.-+e");
        const bool is_number = !text.empty() && digits == std::string::npos &&
                               std::isdigit(static_cast<unsigned char>(text.back())) != 0;
        return is_number ? std::optional(text) : std::nullopt;
    }
    std::optional<std::string> string() {
        if (!take('"')) {
            return std::nullopt;
        }
        std::string text;
        while (!rest_.empty() && rest_.front() != '"') {
            const char c = rest_.front();
            rest_.remove_prefix(1);
            if (c != '\\') {
                text += c;
            } else if (!escape(text)) {
                return std::nullopt;
            }
        }
        return take('"') ? std::optional(text) : std::nullopt;
    }
    bool escape(std::string& text) {
        if (rest_.empty()) {
            return false;
        }
        const char c = rest_.front();
        rest_.remove_prefix(1);
        switch (c) {
            case '"':
            case '\\':
                text += c;
                return true;
            case 'n':
                text += '\n';
                return true;
            case 'r':
                text += '\r';
                return true;
            case 't':
                text += '\t';
                return true;
            case 'u':
                break;
            default:
                return false;
        }
        unsigned value = 0;
        for (int i = 0; i < 4; ++i) {
            if (rest_.empty() || std::isxdigit(static_cast<unsigned char>(rest_.front())) == 0) {
                return false;
            }
            const char digit = rest_.front();
            rest_.remove_prefix(1);
            const int weight = digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
            value = value * 16 + static_cast<unsigned>(weight);
        }
        append(text, value);
        return true;
    }
    static void append(std::string& text, unsigned value) {
        if (value < 0x80) {
            text += static_cast<char>(value);
        } else if (value < 0x800) {
            text += static_cast<char>(0xC0U | value >> 6U);
            text += static_cast<char>(0x80U | (value & 0x3FU));
        } else {
            text += static_cast<char>(0xE0U | value >> 12U);
            text += static_cast<char>(0x80U | (value >> 6U & 0x3FU));
            text += static_cast<char>(0x80U | (value & 0x3FU));
        }
    }

    std::string_view rest_;
};

}  // namespace tollgate::metrics::test
