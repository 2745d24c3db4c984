// One thing that is wrong (or doubtful) in a configuration, and where.
#pragma once

#include <string>
#include <string_view>

namespace tollgate::config {

/// A place in the file; both count from 1.  Zero: no place (the default was used, or the file is
/// missing).
struct Position {
    unsigned line = 0;
    unsigned column = 0;
    [[nodiscard]] bool operator==(const Position&) const = default;
};

/// `text` never contains a secret: expanded values are not echoed, and neither are long literals.
struct Problem {
    std::string file = {};
    unsigned line = 0;
    unsigned column = 0;
    std::string path =
        {};  ///< the setting, e.g. "providers.openai.timeouts.connect"; empty: the file as a whole
    std::string text = {};  ///< what is wrong and what to write instead
    [[nodiscard]] bool operator==(const Problem&) const = default;
};

/// "file:line:column: path: text", leaving out what is not known.
[[nodiscard]] std::string to_string(const Problem& problem);

/// `text` fit for one line of a terminal: control and non-ASCII bytes escaped, cut after `limit`
/// bytes.
[[nodiscard]] std::string printable(std::string_view text, std::size_t limit);

}  // namespace tollgate::config
