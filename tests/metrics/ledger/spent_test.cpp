#include "metrics/ledger/spent.hpp"

#include "metrics/ledger/importer.hpp"
#include "tests/metrics/ledger/support.hpp"
#include "tests/support/catch.hpp"

#include <filesystem>
#include <fstream>

namespace tollgate::ledger {
namespace {

constexpr std::int64_t kDay = 86'400;
constexpr std::int64_t kStart = 1'764'028'800;  // 2025-11-25T00:00:00Z
constexpr std::int64_t kNow = (kStart + kDay) * 1'000'000;

/// Requests of two days in the SQLite file, as many in the journal only.
struct Written {
    Written() {
        for (int i = 0; i < 100; ++i) {
            write(i);
        }
        while (importer.tick(kNow)) {}
        for (int i = 100; i < 200; ++i) {
            write(i);
        }
    }
    void write(int i) {
        Entry entry = test::sample_entry();
        const std::string model = "model-" + std::to_string(i % 2);
        entry.at_us = (kStart + (i % 4 < 2 ? 0 : kDay) + i) * 1'000'000;
        entry.model = model;
        entry.use.cost_pico = 1'000'000'000'000 + i;
        journal.lane(0).append(entry);
        if (i % 4 < 2) {
            first_day += entry.use.cost_pico;
            spent_first_day += entry.spent[0].use.cost_pico;
            model_0 += i % 2 == 0 ? entry.use.cost_pico : 0;
        }
    }
    [[nodiscard]] SpentSums read(std::int64_t begin = kStart,
                                 std::int64_t end = kStart + kDay) const {
        const auto sums = read_spent(path, journal.directory(), Grain::day, begin, end);
        REQUIRE(sums);
        return *sums;
    }
    test::Scratch scratch;
    std::string path = scratch.path + "/ledger.sqlite";
    Journal journal{{.directory = scratch.path + "/journal", .smallest_segment = 8192}, 1};
    Importer importer{journal, {.path = path, .durability = Durability::process}, nullptr};
    metrics::Int128 first_day = 0;
    metrics::Int128 spent_first_day = 0;
    metrics::Int128 model_0 = 0;
};

}  // namespace

TEST_CASE("what was spent is read from a file whose writer was killed in the midst of a change") {
    Written written;
    while (written.importer.tick(kNow)) {}
    const std::string copy = written.scratch.path + "/copy.sqlite";
    {
        auto database = sqlite::Database::open(written.path, sqlite::Mode::existing, 1000);
        REQUIRE(database);
        // A cache of one page spills the change into the file before it is complete.
        REQUIRE(database->run("VACUUM INTO '" + copy + "'"));
        auto writer = sqlite::Database::open(copy, sqlite::Mode::create, 1000);
        REQUIRE(writer);
        REQUIRE(writer->run(
            "PRAGMA cache_size = 1; BEGIN; UPDATE sums_by_model SET bucket = bucket + 1; "
            "UPDATE sums_by_key SET bucket = bucket + 1; UPDATE sums_by_tag SET bucket = bucket + "
            "1"));
        std::filesystem::copy(copy, copy + ".killed");
        std::filesystem::copy(copy + "-journal", copy + ".killed-journal");
    }
    const auto sums = read_spent(copy + ".killed", written.journal.directory(), Grain::day, kStart,
                                 kStart + kDay);
    REQUIRE(sums);
    CHECK(sums->everything == written.read().everything);
}

TEST_CASE("what was spent is in the SQLite file, the journal, or both, and counts once") {
    Written written;
    const auto check = [&] {
        const SpentSums sums = written.read();
        const metrics::Int128 all = written.first_day + written.spent_first_day;
        CHECK(sums.everything == all);
        CHECK(SpentSums::find(sums.keys, "search-team") == all);
        CHECK(SpentSums::find(sums.teams, "search") == all);
        CHECK(SpentSums::find(sums.tags, "a") == all);
        CHECK(SpentSums::find(sums.tags, "b") == all);
        CHECK(SpentSums::find(sums.providers, "openai") == written.first_day);
        CHECK(SpentSums::find(sums.providers, "groq") == written.spent_first_day);
        CHECK(SpentSums::find(sums.models, "model-0") == written.model_0);
        CHECK(SpentSums::find(sums.models, "openai/model-0") == written.model_0);
        CHECK(SpentSums::find(sums.models, "groq/llama") == written.spent_first_day);
        CHECK(SpentSums::find(sums.keys, "nobody") == 0);
    };
    check();
    while (written.importer.tick(kNow)) {}
    check();
    written.journal.close();
    while (written.importer.tick(kNow)) {}
    check();
}

TEST_CASE("a period counts what began in it") {
    const Written written;
    const SpentSums both = written.read(kStart, kStart + 2 * kDay);
    CHECK(both.everything > written.read().everything);
    CHECK(written.read(kStart - kDay, kStart).everything == 0);
}

TEST_CASE("a journal without a SQLite file counts, and no ledger at all is nothing spent") {
    const test::Scratch scratch;
    Journal journal({.directory = scratch.path + "/journal", .smallest_segment = 8192}, 1);
    const std::string path = scratch.path + "/ledger.sqlite";
    const auto none = read_spent(path, journal.directory(), Grain::month, 0, kNow);
    REQUIRE(none);
    CHECK(none->everything == 0);
    REQUIRE_FALSE(journal.supply());
    const Entry entry = test::sample_entry();
    journal.lane(0).append(entry);
    const auto sums = read_spent(path, journal.directory(), Grain::month, 0, kNow);
    REQUIRE(sums);
    const metrics::Int128 all = entry.use.cost_pico + entry.spent[0].use.cost_pico;
    CHECK(sums->everything == all);

    // Its writer died as soon as it had begun it.
    auto begun = sqlite::Database::open(path, sqlite::Mode::create, 1000);
    REQUIRE(begun);
    REQUIRE(begun->run("PRAGMA journal_mode = WAL"));
    const auto again = read_spent(path, journal.directory(), Grain::month, 0, kNow);
    REQUIRE(again);
    CHECK(again->everything == all);
}

TEST_CASE("a file that is no ledger is an error, not zero") {
    const test::Scratch scratch;
    const std::string path = scratch.path + "/ledger.sqlite";
    std::ofstream(path) << std::string(4096, 'x');
    CHECK_FALSE(read_spent(path, scratch.path + "/journal", Grain::day, 0, kDay));
}

}  // namespace tollgate::ledger
