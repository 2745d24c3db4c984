// ${VAR}, ${VAR:-default}, $$ and file:/path in values.
#pragma once

#include "config/environment.hpp"
#include "config/secret.hpp"

#include <expected>
#include <string>
#include <string_view>

namespace tollgate::config {

/// Why a value could not be expanded.  `text` names the variable or file, never a value.
struct ExpandError {
    bool is_unset =
        false;  ///< a variable without default is not set; otherwise the text itself is wrong
    std::string text;
};

/// Replaces ${VAR} and ${VAR:-default} (used when VAR is unset or empty, as in a shell) and turns
/// $$ into $.  Any other $ stays.  Values are not expanded again, and a default ends at the first
/// }.
[[nodiscard]] std::expected<std::string, ExpandError> expand(std::string_view text,
                                                             const Environment& env);

/// Reads the file of "file:/path" with one trailing newline cut, otherwise returns `text`.
/// Only regular files of at most 64 KiB are read.
[[nodiscard]] std::expected<Secret, ExpandError> read_secret(std::string text,
                                                             const Environment& env);

/// The content of a regular file of at most `limit` bytes.
[[nodiscard]] std::expected<std::string, ExpandError> read_file(const std::string& path,
                                                                std::size_t limit);

}  // namespace tollgate::config
