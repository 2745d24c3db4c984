// Turns a guarded request head into a RequestHead, with Beast's parser.
#pragma once

#include "server/exchange.hpp"

#include <string_view>

namespace tollgate::server::h1 {

/// `bytes` is exactly one head that guard() accepted (without the leading empty line).  Views of
/// `head` point into `bytes`. False where Beast refuses what the guard let through; the caller
/// answers 400.
[[nodiscard]] bool parse_head(std::string_view bytes, RequestHead& head);

}  // namespace tollgate::server::h1
