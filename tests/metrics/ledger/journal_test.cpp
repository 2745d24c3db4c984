#include "metrics/ledger/journal.hpp"

#include "metrics/ledger/crc32c.hpp"
#include "tests/metrics/ledger/support.hpp"
#include "tests/support/catch.hpp"

#include <fstream>
#include <thread>

namespace tollgate::ledger {
namespace {

std::vector<char> file_bytes(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::shared_ptr<Segment> segment_of(const test::Scratch& scratch, std::size_t size = 4096) {
    auto made = Segment::create(scratch.path, 7, size);
    REQUIRE(made.has_value());
    return *made;
}

std::vector<std::string> read_all(std::span<const char> bytes, Read& last) {
    std::vector<std::string> found;
    Cursor cursor;
    std::string_view payload;
    while ((last = read_record(bytes, cursor, payload)) == Read::record) {
        found.emplace_back(payload);
    }
    return found;
}

}  // namespace

TEST_CASE("the checksum is CRC-32C, whole and in pieces") {
    // RFC 3720 section B.4.
    CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aa);
    CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43);
    CHECK(crc32c("123456789") == 0xe3069283);
    const std::string text = "a journal of requests, longer than a word";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        CHECK(crc32c(text.substr(cut), crc32c(text.substr(0, cut))) == crc32c(text));
    }
}

TEST_CASE("an entry survives its encoding") {
    const Entry entry = test::sample_entry();
    EntryBuffer space;
    const std::string bytes(encode(entry, space));
    Entry back;
    REQUIRE(decode(bytes, back));
    CHECK(back == entry);
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
        CAPTURE(cut);
        CHECK_FALSE(decode(bytes.substr(0, cut), back));
    }
    CHECK_FALSE(decode(bytes + '\0', back));
}

TEST_CASE("an entry of the first version is read, one of a version to come is not") {
    Entry entry = test::sample_entry();
    entry.spent.clear();
    entry.use.cost_pico = 5;
    entry.use.cost_by_kind = {3, 0, 0, 2, 0};
    EntryBuffer space;
    std::string bytes(encode(entry, space));
    Entry back;
    bytes[0] = 3;
    CHECK_FALSE(decode(bytes, back));
    bytes[0] = 1;
    CHECK_FALSE(decode(bytes, back));
    bytes.erase(bytes.size() - 1 - metrics::kCostKinds, metrics::kCostKinds);  // before `spent`
    REQUIRE(decode(bytes, back));
    entry.use.cost_by_kind = {};
    CHECK(back == entry);
}

TEST_CASE("an entry of any size fits, and keeps its sums") {
    const std::string huge(100'000, 'x');
    Entry entry = test::sample_entry();
    entry.request_id = entry.key = entry.team = entry.user = entry.endpoint = huge;
    entry.requested_model = entry.provider = entry.model = huge;
    entry.tags.assign(100, huge);
    Spent spent{.provider = huge, .model = huge, .use = {}};
    spent.use.counters.fill(~std::uint64_t{0} >> 8);
    spent.use.cost_pico = 5;
    entry.spent.assign(20, spent);
    entry.use.counters.fill(~std::uint64_t{0});
    entry.use.cost_pico = INT64_MAX;
    EntryBuffer space;
    const std::string bytes(encode(entry, space));
    Entry back;
    REQUIRE(decode(bytes, back));
    CHECK(back.use == entry.use);
    std::int64_t sum = 0;
    for (const Spent& one : back.spent) {
        sum += one.use.cost_pico;
    }
    CHECK(sum == 100);
}

TEST_CASE("a segment gives back what was appended, then its end") {
    const test::Scratch scratch;
    const auto segment = segment_of(scratch);
    std::vector<std::string> all;
    Read last = Read::damaged;
    CHECK(read_all(segment->bytes(), last).empty());
    CHECK(last == Read::nothing);
    for (std::size_t size = 1; segment->append(std::string(size, 'a')); ++size) {
        all.emplace_back(size, 'a');
        CHECK(read_all(segment->bytes(), last) == all);
    }
    CHECK(all.size() > 50);
    segment->seal();
    CHECK_FALSE(segment->append("b"));
    CHECK(read_all(segment->bytes(), last) == all);
    CHECK(last == Read::sealed);
    CHECK(read_all(file_bytes(segment->path()), last) == all);  // the kernel has it
}

TEST_CASE("a segment that is cut or torn at any byte gives the records before it") {
    const test::Scratch scratch;
    const auto segment = segment_of(scratch, 512);
    std::vector<std::string> all;
    for (const char c : std::string("abcdef")) {
        all.emplace_back(24, c);  // with its frame 32
        REQUIRE(segment->append(all.back()));
    }
    const std::vector<char> whole = file_bytes(segment->path());
    const std::size_t end = 32 + all.size() * 32;
    Read last = Read::record;
    for (std::size_t at = 0; at < end; ++at) {
        CAPTURE(at);
        const std::size_t intact = at < 32 ? 0 : (at - 32) / 32;
        const std::vector<std::string> before(all.begin(),
                                              all.begin() + static_cast<std::ptrdiff_t>(intact));
        std::vector<char> bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(at));
        CHECK(read_all(bytes, last) == before);  // cut
        bytes = whole;
        std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.end(), '\0');
        const std::vector<std::string> torn = read_all(bytes, last);  // the rest never came
        CHECK(torn.size() >= intact);
        CHECK(std::equal(torn.begin(), torn.end(), all.begin()));
        bytes = whole;
        bytes[at] = static_cast<char>(bytes[at] ^ 0x40);  // one bit flipped
        const std::vector<std::string> flipped = read_all(bytes, last);
        CHECK(flipped.size() <= all.size());
        CHECK(std::equal(flipped.begin(), flipped.end(), all.begin()));
    }
}

TEST_CASE("a record is read only in its own segment and place") {
    const test::Scratch scratch;
    const auto segment = segment_of(scratch);
    REQUIRE(segment->append("first"));
    REQUIRE(segment->append("other"));
    std::vector<char> bytes = file_bytes(segment->path());
    std::copy_n(bytes.begin() + 32, 16, bytes.begin() + 48);  // the first one again
    Read last = Read::record;
    CHECK(read_all(bytes, last) == std::vector<std::string>{"first"});
    CHECK(last == Read::damaged);
}

TEST_CASE("a journal goes on over many segments, with or without the importer's help") {
    const test::Scratch scratch;
    Journal journal({.directory = scratch.path + "/journal", .smallest_segment = 4096}, 1);
    REQUIRE_FALSE(journal.supply());
    const Entry entry = test::sample_entry();
    std::size_t found = 0;
    for (int i = 0; i < 200; ++i) {
        journal.lane(0).append(entry);
        if (i % 50 == 0) {
            REQUIRE_FALSE(journal.supply());
        }
    }
    journal.close();
    Read last = Read::record;
    for (const auto& segment : journal.take_started()) {
        found += read_all(segment->bytes(), last).size();
        CHECK(last == Read::sealed);
    }
    CHECK(found == 200);
    CHECK(journal.lane(0).appended() == 200);
    CHECK(journal.lane(0).is_open());
}

TEST_CASE("without a directory entries are kept up to a limit, then lost, and written later") {
    const test::Scratch scratch;
    const std::string blocked = scratch.path + "/journal";
    std::ofstream(blocked) << "a file where the directory should be";
    Journal journal({.directory = blocked, .kept_bytes = 1000}, 1);
    CHECK(journal.supply().has_value());
    const Entry entry = test::sample_entry();
    for (int i = 0; i < 20; ++i) {
        journal.lane(0).append(entry);
    }
    CHECK_FALSE(journal.lane(0).is_open());
    const std::uint64_t lost = journal.lane(0).lost();
    CHECK(lost > 10);
    CHECK(lost < 20);
    std::filesystem::remove(blocked);
    CHECK_FALSE(journal.supply().has_value());
    CHECK(journal.lane(0).is_open());
    std::size_t found = 0;
    Read last = Read::record;
    for (const auto& segment : journal.take_started()) {
        found += read_all(segment->bytes(), last).size();
    }
    CHECK(found == 20 - lost);
}

TEST_CASE("at the limit of the backlog nothing more is written") {
    const test::Scratch scratch;
    Journal journal({.directory = scratch.path, .kept_bytes = 0}, 1);
    journal.allow(false);
    CHECK_FALSE(journal.supply().has_value());
    journal.lane(0).append(test::sample_entry());
    CHECK(journal.lane(0).lost() == 1);
    CHECK_FALSE(journal.lane(0).is_open());
    journal.allow(true);
    CHECK_FALSE(journal.supply().has_value());
    journal.lane(0).append(test::sample_entry());
    CHECK(journal.lane(0).appended() == 1);
    CHECK(journal.lane(0).is_open());
}

TEST_CASE("a reader follows a writer on another thread record by record", "[threads]") {
    const test::Scratch scratch;
    const auto segment = segment_of(scratch, 1 << 20);
    constexpr std::size_t kRecords = 10'000;
    std::jthread writer([&] {
        for (std::size_t i = 0; i < kRecords; ++i) {
            static_cast<void>(segment->append(std::to_string(i)));
        }
        segment->seal();
    });
    Cursor cursor;
    std::string_view payload;
    Read read = Read::nothing;
    std::size_t found = 0;
    while (read == Read::nothing || read == Read::record) {
        read = read_record(segment->bytes(), cursor, payload);
        if (read == Read::record && payload == std::to_string(found)) {
            ++found;
        }
    }
    CHECK(read == Read::sealed);
    CHECK(found == kRecords);
}

}  // namespace tollgate::ledger
