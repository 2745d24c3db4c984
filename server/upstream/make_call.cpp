#include "server/upstream/make_call.hpp"

#include "server/upstream/h1_call.hpp"
#include "server/upstream/h2_call.hpp"

namespace tollgate::server::upstream {

std::unique_ptr<Call> make_call(Pool& pool, Origin& origin, std::span<char> scratch) {
    if (origin.speaks == Origin::Speaks::http1) {
        return std::make_unique<H1Call>(pool, origin, scratch);
    }
    return std::make_unique<H2Call>(pool, origin, scratch);
}

}  // namespace tollgate::server::upstream
