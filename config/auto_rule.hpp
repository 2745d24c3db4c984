// What router.auto.rules and router.auto.quality hold.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tollgate::config {

/// What a rule asks for.  What is not set fits every request; of a list, one must fit.
struct AutoWhen {
    std::vector<std::string> task = {};  ///< words of auto_words.hpp, as the next two
    std::vector<std::string> difficulty = {};
    std::vector<std::string> language = {};
    std::uint64_t tokens_above = 0;                  ///< the prompt's estimate is larger
    std::optional<std::uint64_t> tokens_below = {};  ///< the prompt's estimate is smaller
    std::optional<bool> tools = {};                  ///< the request offers tools
    std::vector<std::string> tag = {};               ///< of the caller's key
    std::vector<std::pair<std::string, std::string>> header =
        {};                             ///< all must be there; "*" is any value
    std::vector<std::string> key = {};  ///< names of callers' keys
    [[nodiscard]] bool operator==(const AutoWhen&) const = default;
};
struct AutoRule {
    AutoWhen when = {};
    std::vector<std::string> to = {};  ///< targets, best first
    [[nodiscard]] bool operator==(const AutoRule&) const = default;
};
/// How good a model is for any task, where the built-in table is to be overruled.
struct AutoQuality {
    std::string model = {};  ///< "provider/model", or a model's id alone
    unsigned quality = 0;    ///< 0 to 100
    [[nodiscard]] bool operator==(const AutoQuality&) const = default;
};

}  // namespace tollgate::config
