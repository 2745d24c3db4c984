#include "server/caller_key.hpp"

#include <openssl/evp.h>

#include <array>

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

}  // namespace tollgate::server
