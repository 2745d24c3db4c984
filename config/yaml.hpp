// YAML text as a small tree with positions, bounded in size, depth and alias expansion.
// Exists so that no other file knows yaml-cpp and hostile files stay cheap.
#pragma once

#include "config/problem.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::config::yaml {

inline constexpr std::size_t kMaxBytes = std::size_t{4} * 1024 * 1024;
inline constexpr unsigned kMaxDepth = 32;
/// Values in the document with every alias counted as often as it is used.
inline constexpr std::uint64_t kMaxValues = 500'000;

enum class Kind : std::uint8_t { null, scalar, sequence, map };

struct Node;
using NodePtr = std::shared_ptr<const Node>;  // an alias shares the node of its anchor

struct Entry {
    std::string key;
    Position at;    ///< of the key
    NodePtr value;  ///< never null
};

struct Node {
    Kind kind = Kind::null;
    Position at = {};
    std::string text = {};            ///< scalar, before any expansion
    std::vector<NodePtr> items = {};  ///< sequence
    std::vector<Entry> entries =
        {};                    ///< map, in the order of the file, keys unique, merges ("<<") done
    std::uint64_t values = 1;  ///< this one and everything below
    unsigned depth = 1;
};

struct Document {
    NodePtr root;                        ///< never null; Kind::null for an empty file
    std::vector<Problem> problems = {};  ///< with any, root may lack what they are about
};

/// Reads one document.  `file` only labels the problems.  Never throws.
[[nodiscard]] Document read(std::string_view text, std::string_view file);

}  // namespace tollgate::config::yaml
