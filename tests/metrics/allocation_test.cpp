// Counting and logging a request must not allocate once its label set has been seen.
#include "metrics/access_log.hpp"
#include "metrics/registry.hpp"
#include "tests/support/catch.hpp"

#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

thread_local std::size_t allocations = 0;

void* counted(std::size_t size, std::size_t alignment) {
    ++allocations;
    void* memory = nullptr;
    if (posix_memalign(&memory, alignment, size) != 0) {
        throw std::bad_alloc();
    }
    return memory;
}

}  // namespace

// Replaces those of the whole test program.  Sanitizers bring every form of their own, so each form
// that might be paired with one of theirs has to be here.
void* operator new(std::size_t size) {
    return counted(size, alignof(std::max_align_t));
}
void* operator new[](std::size_t size) {
    return counted(size, alignof(std::max_align_t));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return counted(size, alignof(std::max_align_t));
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
    return counted(size, alignof(std::max_align_t));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    return counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete[](void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, const std::nothrow_t&) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    std::free(memory);
}

using namespace tollgate::metrics;

TEST_CASE("a request costs no allocation after the first of its kind") {
    LogOptions options;
    options.destination = "/dev/null";
    const auto logger = Logger::open(options);
    REQUIRE(logger);
    AccessLog log(**logger);
    Registry registry;
    const TargetName names[]{{"openai", "gpt-4o"}};
    const auto vocabulary = Vocabulary::grown(nullptr, names);
    Shard& shard = registry.add_shard();
    RequestRecord record;
    record.endpoint = "chat";
    record.provider = "openai";
    record.model = "gpt-4o";
    record.request_id = "hostile \x1b \xFF \" and longer than any small string optimisation";
    record.stream = true;
    record.first_byte = std::chrono::milliseconds(1);
    record.usage.output = 5;
    const auto serve = [&] {
        shard.add_inflight(1);
        shard.add_attempt(vocabulary->provider("openai"), 0);
        shard.add_pool_event(vocabulary->provider("openai"), PoolEvent::reused);
        shard.publish(record, vocabulary->labels(record));
        log.write(record);
        shard.add_inflight(-1);
    };
    const std::size_t before_first = allocations;
    serve();
    CHECK(allocations > before_first);  // the counter works
    const std::size_t before = allocations;
    for (int i = 0; i < 50; ++i) {
        serve();
    }
    CHECK(allocations == before);
}
