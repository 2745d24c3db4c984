#include "router/keys/auth_throttle.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <string>

namespace tollgate::router {
namespace {

constexpr std::uint64_t kMostCounted = (1U << 20) - 1;
constexpr std::uint64_t kMinutes = 1U << 12;

std::uint64_t minute(AuthThrottle::Time now) noexcept {
    const auto count =
        std::chrono::duration_cast<std::chrono::minutes>(now.time_since_epoch()).count();
    return static_cast<std::uint64_t>(count) % kMinutes;
}

struct Slot {
    std::uint64_t tag;
    std::uint64_t minute;
    std::uint64_t count;

    explicit Slot(std::uint64_t word) noexcept
        : tag(word >> 32), minute((word >> 20) % kMinutes), count(word & kMostCounted) {}
    Slot(std::uint64_t t, std::uint64_t m, std::uint64_t c) noexcept
        : tag(t), minute(m), count(c) {}
    [[nodiscard]] std::uint64_t word() const noexcept {
        return tag << 32 | minute << 20 | std::min(count, kMostCounted);
    }
};

// FNV-1a, then the mixer of MurmurHash3: the seed, not the function, keeps rows unpredictable.
std::uint64_t mix(std::uint64_t seed, const unsigned char* bytes, std::size_t size) noexcept {
    std::uint64_t h = seed ^ 0xcbf29ce484222325ULL;
    for (std::size_t i = 0; i < size; ++i) {
        h = (h ^ bytes[i]) * 0x100000001b3ULL;
    }
    h = (h ^ h >> 33) * 0xff51afd7ed558ccdULL;
    h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53ULL;
    return h ^ h >> 33;
}

}  // namespace

AuthThrottle::AuthThrottle(std::uint64_t seed) : seed_(seed) {}

std::uint64_t AuthThrottle::hash(std::string_view address) const noexcept {
    std::array<char, INET6_ADDRSTRLEN> text{};
    std::array<unsigned char, 16> bytes{};
    address.copy(text.data(), text.size() - 1);
    constexpr std::size_t kNetwork = 8;
    if (address.find(':') != std::string_view::npos &&
        ::inet_pton(AF_INET6, text.data(), bytes.data()) == 1 &&
        !std::all_of(bytes.begin(), bytes.begin() + kNetwork, [](auto b) { return b == 0; })) {
        return mix(seed_, bytes.data(), kNetwork);  // else ::1 or a mapped IPv4 address: all of it
    }
    return mix(seed_, reinterpret_cast<const unsigned char*>(address.data()), address.size());
}

unsigned AuthThrottle::count(std::string_view address, Time now) noexcept {
    const std::uint64_t h = hash(address);
    const std::uint64_t tag = h >> 32 | 1;  // 0 is a free slot
    const std::uint64_t current = minute(now);
    Row& row = rows_[h % kRows];
    for (;;) {
        // Its own slot, else one of an earlier minute, else the quietest.
        std::size_t chosen = 0;
        std::uint64_t least = kMostCounted + 1;
        std::uint64_t word = 0;
        for (std::size_t i = 0; i < kWays; ++i) {
            const std::uint64_t seen = row[i].load(std::memory_order_relaxed);
            const Slot slot(seen);
            const bool stale = slot.minute != current;
            const std::uint64_t rank = stale ? 0 : slot.count;
            if (slot.tag == tag || rank < least) {
                chosen = i;
                least = rank;
                word = seen;
            }
            if (slot.tag == tag) {
                break;
            }
        }
        const Slot old(word);
        const std::uint64_t before = old.tag == tag && old.minute == current ? old.count : 0;
        const Slot next(tag, current, before + 1);
        if (row[chosen].compare_exchange_weak(word, next.word(), std::memory_order_relaxed)) {
            return static_cast<unsigned>(before + 1);
        }
    }
}

unsigned AuthThrottle::failures(std::string_view address, Time now) const noexcept {
    const std::uint64_t h = hash(address);
    const std::uint64_t tag = h >> 32 | 1;
    for (const auto& word : rows_[h % kRows]) {
        const Slot slot(word.load(std::memory_order_relaxed));
        if (slot.tag == tag && slot.minute == minute(now)) {
            return static_cast<unsigned>(slot.count);
        }
    }
    return 0;
}

std::chrono::milliseconds AuthThrottle::until_next(Time now) noexcept {
    using std::chrono::duration_cast;
    const auto since = duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
    return std::chrono::minutes(1) - since % std::chrono::minutes(1);
}

}  // namespace tollgate::router
