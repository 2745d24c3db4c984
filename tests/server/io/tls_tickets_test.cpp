#include "server/io/tls_tickets.hpp"

#include "tests/support/catch.hpp"

#include <set>
#include <string>
#include <vector>

namespace tollgate::server::tests {
namespace {

using Time = TicketKeys::TimePoint;
using std::chrono::seconds;

constexpr TicketKeys::Seed kSeed{1, 2, 3};
const Time kStart{seconds(1000)};
constexpr seconds kPeriod = TicketKeys::kRotation;

std::string text(const TicketKeys::Key& key) {
    std::string all(key.name.begin(), key.name.end());
    all.append(key.cipher.begin(), key.cipher.end());
    return all.append(key.mac.begin(), key.mac.end());
}

}  // namespace

TEST_CASE("workers that began with the same seed have the same ticket keys at the same time") {
    TicketKeys one(kSeed, kStart);
    TicketKeys two(kSeed, kStart);
    std::set<std::string> seen;
    for (int period = 0; period < 50; ++period) {
        const Time now = kStart + period * kPeriod + seconds(5);
        const std::string key = text(one.current(now));
        if (period % 7 == 0) {  // one that slept catches up
            CHECK(key == text(two.current(now)));
        }
        CHECK(seen.insert(key).second);
    }
    TicketKeys stranger(TicketKeys::Seed{9}, kStart);
    CHECK(text(stranger.current(kStart)) != text(TicketKeys(kSeed, kStart).current(kStart)));
}

TEST_CASE("a ticket can be opened for its lifetime, and its key is gone soon after") {
    TicketKeys keys(kSeed, kStart);
    for (const seconds issued : {seconds(0), kPeriod - seconds(1), 5 * kPeriod + seconds(10)}) {
        const Time sealed = kStart + issued;
        TicketKeys sealing(kSeed, kStart);
        const TicketKeys::Key key = sealing.current(sealed);
        TicketKeys opening(kSeed, kStart);
        for (const seconds age : {seconds(0), kPeriod, TicketKeys::kLifetime}) {
            const TicketKeys::Key* const found = opening.find(key.name, sealed + age);
            REQUIRE(found != nullptr);
            CHECK(text(*found) == text(key));
        }
        CHECK(opening.find(key.name, sealed + TicketKeys::kLifetime + kPeriod) == nullptr);
    }
}

TEST_CASE("a name that is not ours finds no ticket key") {
    TicketKeys keys(kSeed, kStart);
    const std::array<unsigned char, TicketKeys::kNameSize> zeros{};
    CHECK(keys.find(zeros, kStart) == nullptr);
    CHECK(keys.find(zeros, kStart + kPeriod) == nullptr);
    TicketKeys other(TicketKeys::random_seed(), kStart);
    const TicketKeys::Key foreign = other.current(kStart);
    CHECK(keys.find(foreign.name, kStart) == nullptr);
}

TEST_CASE("a clock that is behind the start does not disturb the ticket keys") {
    TicketKeys keys(kSeed, kStart);
    const std::string first = text(keys.current(kStart));
    CHECK(text(keys.current(kStart - seconds(100))) == first);
}

}  // namespace tollgate::server::tests
