#include "adapters/dialect/call_id.hpp"

#include <openssl/evp.h>

#include <array>

namespace tollgate::adapters {

std::string join_signature(std::string_view id, std::string_view signature) {
    std::string joined(id);
    joined += kSignatureMark;
    for (const char c : signature) {  // base64 to base64url: some vendors and clients allow only
                                      // [A-Za-z0-9_-] in ids
        if (c == '+') {
            joined += '-';
        } else if (c == '/') {
            joined += '_';
        } else if (c != '=') {
            joined += c;
        }
    }
    return joined;
}

std::pair<std::string_view, std::string> split_signature(std::string_view id) {
    const std::size_t mark = id.find(kSignatureMark);
    if (mark == std::string_view::npos) {
        return {id, {}};
    }
    std::string signature;
    for (const char c : id.substr(
             mark +
             kSignatureMark.size())) {  // plain base64, as LiteLLM writes it, passes unchanged
        signature += c == '-' ? '+' : c == '_' ? '/' : c;
    }
    while (signature.size() % 4 != 0) {
        signature += '=';
    }
    return {id.substr(0, mark), std::move(signature)};
}

std::string_view without_signature(std::string_view id) noexcept {
    return id.substr(0, id.find(kSignatureMark));
}

std::string digest_id(std::string_view prefix, std::string_view id) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    EVP_Digest(id.data(), id.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string out(prefix);
    for (std::size_t i = 0; i < 16; ++i) {
        out.push_back(kDigits[digest[i] >> 4]);
        out.push_back(kDigits[digest[i] & 0xF]);
    }
    return out;
}

}  // namespace tollgate::adapters
