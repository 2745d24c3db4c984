// The secret by which a caller is known.
#pragma once

#include "router/keys/key.hpp"
#include "server/exchange.hpp"

#include <string>
#include <string_view>

namespace tollgate::server {

/// The caller's key, wherever the client's SDK puts it; empty: none was sent.
[[nodiscard]] std::string_view caller_key(const RequestHead& head) noexcept;

[[nodiscard]] router::Digest sha256(std::string_view bytes) noexcept;
/// "sha256:" and the hash in hex, as configurations hold it.
[[nodiscard]] std::string sha256_text(std::string_view bytes);

/// "sk-tg-" and 256 random bits; empty where the system has none to give.
[[nodiscard]] std::string make_secret();

}  // namespace tollgate::server
