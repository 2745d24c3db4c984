// Which conversation a request belongs to, so that it can stay with its target.  Pure.
#pragma once

#include "adapters/request.hpp"
#include "config/settings.hpp"

#include <cstdint>
#include <string_view>

namespace tollgate::router {

struct Conversation {
    std::uint64_t hash = 0;  ///< 0: none that could be told
    bool continues = false;  ///< a target that it had before is worth looking for
};

/// What names the conversation, the first that is there: `session` (a header's value),
/// `prompt_cache_key`, or the messages up to the first of the user's.  With the last, only a
/// request that has further messages continues one: equal first questions of many users are not the
/// same conversation, and a group shall share them out.
[[nodiscard]] Conversation conversation_of(const adapters::Request& request,
                                           std::string_view session);

}  // namespace tollgate::router
