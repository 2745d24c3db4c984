#include "config/problem.hpp"

namespace tollgate::config {

std::string to_string(const Problem& problem) {
    std::string out = problem.file;
    if (problem.line != 0) {
        out += ':' + std::to_string(problem.line) + ':' + std::to_string(problem.column);
    }
    if (!out.empty()) {
        out += ": ";
    }
    if (!problem.path.empty()) {
        out += problem.path + ": ";
    }
    return out + problem.text;
}

std::string printable(std::string_view text, std::size_t limit) {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string out;
    for (const char c : text.substr(0, limit)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f) {
            out += c;
        } else {
            out += "\\x";
            out += kHex[byte >> 4U];
            out += kHex[byte & 0xfU];
        }
    }
    return text.size() > limit ? out + "..." : out;
}

}  // namespace tollgate::config
