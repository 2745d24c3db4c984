#include "server/caller_key.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>
#include <cstdint>

namespace tollgate::server {

std::string_view caller_key(const RequestHead& head) noexcept {
    const std::string_view authorization = head.find("authorization");
    if (authorization.size() > 7 && same_name(authorization.substr(0, 7), "bearer ")) {
        return authorization.substr(authorization.find_first_not_of(' ', 7) ==
                                            std::string_view::npos
                                        ? authorization.size()
                                        : authorization.find_first_not_of(' ', 7));
    }
    for (const std::string_view name : {"x-api-key", "api-key", "x-goog-api-key"}) {
        if (const std::string_view key = head.find(name); !key.empty()) {
            return key;
        }
    }
    return {};
}

router::Digest sha256(std::string_view bytes) noexcept {
    router::Digest digest{};
    unsigned size = 0;
    EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
    return digest;
}

std::string sha256_text(std::string_view bytes) {
    return router::to_text(sha256(bytes));
}

std::string make_secret() {
    std::array<unsigned char, 32> bits{};
    if (RAND_bytes(bits.data(), static_cast<int>(bits.size())) != 1) {
        return {};
    }
    constexpr std::string_view kLetters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string secret = "sk-tg-";
    std::uint32_t held = 0;
    unsigned count = 0;
    for (const unsigned char byte : bits) {
        held = held << 8 | byte;
        for (count += 8; count >= 6; count -= 6) {
            secret.push_back(kLetters[held >> (count - 6) & 63]);
        }
    }
    secret.push_back(kLetters[held << (6 - count) & 63]);
    return secret;
}

}  // namespace tollgate::server
