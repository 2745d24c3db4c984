#include "server/io/frame_cache.hpp"

#include <array>
#include <new>

namespace tollgate::server {
namespace {

// Sizes as malloc makes its chunks, which have a word of its own in them.
constexpr std::size_t kStep = 16;
constexpr std::size_t kWord = 8;
constexpr std::size_t kClasses = 256;            // frames up to 4 KiB
constexpr std::size_t kMostCached = 512 * 1024;  // bytes per thread

// Sanitizers must see each frame die.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kCaches = false;
#else
constexpr bool kCaches = true;
#endif

struct Free {
    Free* next;
};

struct Cache {
    std::array<Free*, kClasses> lists{};
    std::size_t bytes = 0;
    Cache() = default;
    Cache(const Cache&) = delete;
    Cache& operator=(const Cache&) = delete;
    ~Cache() {
        for (Free* list : lists) {
            while (list != nullptr) {
                Free* const next = list->next;
                ::operator delete(list);
                list = next;
            }
        }
    }
};

thread_local Cache cache;

constexpr std::size_t class_of(std::size_t size) noexcept {
    return (size + kWord + kStep - 1) / kStep;
}

}  // namespace

void* allocate_frame(std::size_t size) {
    const std::size_t index = class_of(size);
    if (kCaches && index < kClasses) {
        if (Free* const frame = cache.lists[index]; frame != nullptr) {
            cache.lists[index] = frame->next;
            cache.bytes -= index * kStep;
            return frame;
        }
        return ::operator new(index* kStep - kWord);
    }
    return ::operator new(size);
}

void free_frame(void* frame, std::size_t size) noexcept {
    const std::size_t index = class_of(size);
    if (kCaches && index < kClasses && cache.bytes < kMostCached) {
        cache.lists[index] = new (frame) Free{cache.lists[index]};
        cache.bytes += index * kStep;
        return;
    }
    ::operator delete(frame);
}

}  // namespace tollgate::server
