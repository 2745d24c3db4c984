// The call that fits what an origin speaks.
#pragma once

#include "server/upstream/call.hpp"
#include "server/upstream/pool.hpp"

#include <memory>
#include <span>

namespace tollgate::server::upstream {

/// `scratch` is the worker's read buffer, shared by all calls: views into it die at the next await.
[[nodiscard]] std::unique_ptr<Call> make_call(Pool& pool, Origin& origin, std::span<char> scratch);

}  // namespace tollgate::server::upstream
