// A key as operators see it: never the secret, never its hash.
#pragma once

#include "adapters/codec/json.hpp"
#include "router/keys/key.hpp"
#include "server/keys/key_book.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace tollgate::server {

/// One row of a list; `created` is 1970 where the configuration holds the key.
struct KeyView {
    BookedKey key;
    bool is_configured = false;
};

/// `secret` empty: it is not told.
void write_key(json::Writer& writer, const KeyView& view, std::string_view secret = {});
/// Aligned columns with a head.
[[nodiscard]] std::string key_table(const std::vector<KeyView>& keys, config::Timestamp now);

/// "2027-01-31T18:00:00Z".
[[nodiscard]] std::string moment_text(config::Timestamp moment);

}  // namespace tollgate::server
