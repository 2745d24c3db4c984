// Memory for coroutine frames, and for objects that come and go with each request: some twenty of
// them, always of the same few sizes.
#pragma once

#include <cstddef>

namespace tollgate::server {

/// A per-thread cache of freed frames by size class, bounded in bytes; beyond the bound, and for
/// large frames, plain new and delete. A frame must be freed on the thread that made it, which
/// holds for all of a worker's coroutines.
[[nodiscard]] void* allocate_frame(std::size_t size);
void free_frame(void* frame, std::size_t size) noexcept;

}  // namespace tollgate::server
