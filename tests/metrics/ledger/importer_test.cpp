#include "metrics/ledger/importer.hpp"

#include "metrics/ledger/ledger.hpp"
#include "metrics/ledger/schema.hpp"
#include "metrics/sqlite.hpp"
#include "tests/metrics/ledger/support.hpp"
#include "tests/support/catch.hpp"

#include <csignal>
#include <fstream>
#include <functional>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace tollgate::ledger {
namespace {

constexpr std::int64_t kNow = 1'764'000'100'000'000;

std::int64_t ask(const std::string& path, const std::string& sql) {
    auto database = sqlite::Database::open(path, sqlite::Mode::existing, 1000);
    REQUIRE(database);
    auto statement = database->prepare(sql);
    REQUIRE(statement);
    const auto row = statement->step();
    REQUIRE(row);
    return *row ? statement->integer(0) : -1;
}

struct Setup {
    test::Scratch scratch;
    std::string path = scratch.path + "/ledger.sqlite";
    std::string directory = scratch.path + "/journal";

    [[nodiscard]] JournalOptions journal_options() const {
        return {.directory = directory, .smallest_segment = 8192};
    }
    [[nodiscard]] ImporterOptions options() const {
        return {.path = path, .durability = Durability::process};
    }
    [[nodiscard]] std::size_t files() const {
        std::size_t count = 0;
        for (const auto& file : std::filesystem::directory_iterator(directory)) {
            count += file.path().extension() == kSegmentSuffix ? 1 : 0;
        }
        return count;
    }
};

void append(Lane& lane, int count) {
    Entry entry = test::sample_entry();
    for (int i = 0; i < count; ++i) {
        const std::string id = "request-" + std::to_string(i);
        entry.request_id = id;
        entry.use.cost_pico = 1 + i;
        lane.append(entry);
    }
}

void drain(Importer& importer) {
    for (int i = 0; i < 100 && (importer.tick(kNow + i) || !importer.is_done()); ++i) {}
}

// Runs `work` in a child process; its exit code.
int in_child(const std::function<void()>& work) {
    const pid_t child = ::fork();
    if (child == 0) {
        work();
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("what workers append is in the ledger, row by row, and its files are gone") {
    const Setup setup;
    {
        Journal journal(setup.journal_options(), 2);
        Importer importer(journal, setup.options(), nullptr);
        static_cast<void>(importer.tick(kNow));
        append(journal.lane(0), 100);
        append(journal.lane(1), 50);
        journal.close();
        drain(importer);
        CHECK(importer.status().rows == 150);
        CHECK(importer.status().own_rows == 150);
    }
    CHECK(setup.files() == 0);
    CHECK(ask(setup.path, "SELECT count(*) FROM requests") == 150);
    CHECK(ask(setup.path, "SELECT sum(cost_pico) FROM requests") == 5050 + 1275);
    CHECK(ask(setup.path, "SELECT sum(spent_cost_pico) FROM request_log") == 150 * 50'000'000LL);
    CHECK(ask(setup.path, "SELECT count(*) FROM segments") == 0);
    CHECK(ask(setup.path,
              "SELECT count(*) FROM request_log WHERE key_name = 'search-team' AND "
              "team_name = 'search' AND user_name = 'user-17' AND tag_list = 'a,b' "
              "AND provider_name = 'openai' AND model_name = 'gpt-4o' AND requested "
              "= 'smart' AND endpoint_name = 'chat' AND status = 200 AND attempts = 2 "
              "AND stream = 1 AND input = 1000 AND output = 200 AND latency_us = "
              "1234567 AND ttft_us = 321000") == 150);
}

TEST_CASE("a ledger without cost by kind is brought up to date, and keeps its rows") {
    const Setup setup;
    const auto import_rows = [&](int count) {
        Journal journal(setup.journal_options(), 1);
        Importer importer(journal, setup.options(), nullptr);
        static_cast<void>(importer.tick(kNow));
        append(journal.lane(0), count);
        journal.close();
        drain(importer);
        CHECK(importer.status().rows == static_cast<std::uint64_t>(count));
    };
    import_rows(10);
    {
        auto database = sqlite::Database::open(setup.path, sqlite::Mode::create, 1000);
        REQUIRE(database);
        for (const std::string table : {"requests", "spent"}) {
            for (const std::string_view kind : metrics::kCostKindNames) {
                REQUIRE(
                    database->run("ALTER TABLE " + table + " DROP COLUMN " + cost_column(kind)));
            }
        }
        REQUIRE(database->run("PRAGMA user_version = 1"));
    }
    import_rows(20);
    CHECK(ask(setup.path, "SELECT count(*) FROM request_log") == 30);
    CHECK(ask(setup.path, "SELECT sum(cost_pico) FROM requests") == 55 + 210);
    CHECK(ask(setup.path, "SELECT sum(cost_input_pico) FROM request_log") == 20 * 2'500'000'000LL);
    CHECK(ask(setup.path, "SELECT sum(cost_output_pico) FROM requests") == 20 * 2'000'000'000LL);
    CHECK(ask(setup.path, "SELECT sum(cost_input_pico) FROM spent") == 20 * 50'000'000LL);
}

TEST_CASE("the sums are those of the rows, at every grain and in every table") {
    const Setup setup;
    Journal journal(setup.journal_options(), 1);
    Importer importer(journal, setup.options(), nullptr);
    Entry entry = test::sample_entry();
    const std::array<std::string_view, 3> models{"gpt-4o", "gpt-4o-mini", "o3"};
    for (int i = 0; i < 300; ++i) {
        entry.at_us += 3'600'000'000LL * 7;  // 87 days in all
        entry.model = models[static_cast<std::size_t>(i % 3)];
        entry.outcome = i % 5 == 0 ? 2 : 0;
        entry.use.priced = i % 7 == 0 ? Priced::unpriced : Priced::priced;
        entry.use.cost_pico = i % 7 == 0 ? 0 : 3'000'000'000'001;  // beyond three dollars
        entry.use.is_estimated = i % 11 == 0;
        journal.lane(0).append(entry);
        static_cast<void>(importer.tick(kNow));
    }
    journal.close();
    drain(importer);
    const std::string whole = " * 1000000000000";
    const std::int64_t cost =
        ask(setup.path, "SELECT sum(cost_pico) FROM requests") + 300 * 50'000'000LL;
    for (const std::string grain : {"0", "1", "2"}) {
        CAPTURE(grain);
        const std::string of = " WHERE grain = " + grain;
        for (const std::string table : {"sums", "sums_by_user", "sums_by_key", "sums_by_model"}) {
            CHECK(ask(setup.path, "SELECT sum(cost_usd)" + whole + " + sum(cost_pico) FROM " +
                                      table + of) == cost);
            CHECK(ask(setup.path, "SELECT sum(requests) FROM " + table + of) == 300);
            CHECK(ask(setup.path, "SELECT sum(failed) FROM " + table + of) == 60);
            CHECK(ask(setup.path, "SELECT sum(unpriced) FROM " + table + of) == 43);
            CHECK(ask(setup.path, "SELECT sum(estimated) FROM " + table + of) == 28);
            CHECK(ask(setup.path, "SELECT sum(input) FROM " + table + of) == 600'000);
            CHECK(ask(setup.path, "SELECT max(cost_pico) < 1000000000000 FROM " + table) == 1);
        }
        // Each request has two tags.
        CHECK(ask(setup.path, "SELECT sum(requests) FROM sums_by_tag" + of) == 600);
    }
    CHECK(ask(setup.path,
              "SELECT count(*) FROM (SELECT DISTINCT bucket FROM sums WHERE grain = "
              "2)") == 4);
}

TEST_CASE("requests that differ are told apart, though they are imported together") {
    const Setup setup;
    Journal journal(setup.journal_options(), 1);
    Importer importer(journal, setup.options(), nullptr);
    Entry entry = test::sample_entry();
    entry.spent.clear();
    constexpr unsigned kRows = 500;
    for (unsigned i = 0; i < kRows; ++i) {
        const std::string key = "key-" + std::to_string(i % 7);
        const std::string user = "user-" + std::to_string(i % 11);
        const std::string id = std::to_string(i);
        entry.key = key;
        entry.user = user;
        entry.request_id = id;
        entry.model = i % 2 == 0 ? "gpt-4o" : "o3";
        entry.tags.assign(1, i % 3 == 0 ? "x" : "y");
        // Every set of counters that are not zero.
        for (std::size_t c = 0; c < kCounters; ++c) {
            entry.use.counters[c] = (i >> (c % 9) & 1) * (i + c + 1);
        }
        for (std::size_t k = 0; k < metrics::kCostKinds; ++k) {
            entry.use.cost_by_kind[k] = (i >> k & 1) * (i + k + 1);
        }
        entry.use.cost_pico = i + 1;
        journal.lane(0).append(entry);
    }
    journal.close();
    drain(importer);
    REQUIRE(ask(setup.path, "SELECT count(*) FROM requests") == kRows);
    std::string wrong;
    for (std::size_t c = 0; c < kCounters; ++c) {
        const std::string bit = std::to_string(c % 9);
        wrong.append(wrong.empty() ? "" : " OR ").append(kCounterNames[c]);
        wrong.append(" != (i >> " + bit + " & 1) * (i + " + std::to_string(c + 1) + ")");
    }
    for (std::size_t k = 0; k < metrics::kCostKinds; ++k) {
        wrong.append(" OR ").append(cost_column(metrics::kCostKindNames[k]));
        wrong.append(" != (i >> " + std::to_string(k) + " & 1) * (i + " + std::to_string(k + 1) +
                     ")");
    }
    CHECK(ask(setup.path,
              "SELECT count(*) FROM (SELECT CAST(request_id AS INTEGER) AS i, * FROM "
              "requests) WHERE cost_pico != i + 1 OR " +
                  wrong) == 0);
    const auto same = [&](const std::string& columns, const std::string& table) {
        INFO(table);
        const std::string sums = ", sum(input), sum(output), sum(searches), sum(cost_pico)";
        const std::string groups = " GROUP BY " + columns;
        const std::string rows = "SELECT " + columns + sums + " FROM requests" + groups;
        const std::string kept =
            "SELECT " + columns + sums + " FROM " + table + " WHERE grain = 0" + groups;
        CHECK(ask(setup.path, "SELECT count(*) FROM (" + rows + " EXCEPT " + kept + ")") == 0);
        CHECK(ask(setup.path, "SELECT count(*) FROM (" + kept + " EXCEPT " + rows + ")") == 0);
    };
    same("provider, model", "sums_by_model");
    same("key, team", "sums_by_key");
    same("provider, model, key, team", "sums");
    same("user, key, team", "sums_by_user");
    CHECK(ask(setup.path,
              "SELECT sum(s.cost_pico) FROM sums_by_tag s JOIN names n ON n.id = s.tag "
              "WHERE n.text = 'x' AND grain = 0") ==
          ask(setup.path,
              "SELECT sum(r.cost_pico) FROM requests r JOIN names n ON n.id = r.tags "
              "WHERE n.text = 'x'"));
}

TEST_CASE("a process that dies between any two steps leaves every record to be imported once") {
    constexpr int kRows = 25;
    int steps = 0;
    for (int die_at = 1; die_at < 500; ++die_at) {
        const Setup setup;
        const int code = in_child([&] {
            ImporterOptions options = setup.options();
            options.between_steps = [left = die_at]() mutable {
                if (--left == 0) {
                    ::_exit(9);
                }
            };
            Journal journal(setup.journal_options(), 1);
            static_cast<void>(journal.supply());
            append(journal.lane(0), kRows);
            Importer importer(journal, options, nullptr);
            journal.close();
            drain(importer);
        });
        {
            Journal journal(setup.journal_options(), 1);
            Importer importer(journal, setup.options(), nullptr);
            drain(importer);
        }
        CAPTURE(die_at);
        REQUIRE(ask(setup.path, "SELECT count(*) FROM requests") == kRows);
        REQUIRE(ask(setup.path, "SELECT count(DISTINCT request_id) FROM requests") == kRows);
        REQUIRE(ask(setup.path, "SELECT sum(requests) FROM sums WHERE grain = 1") == kRows);
        REQUIRE(setup.files() == 0);
        if (code == 0) {
            break;
        }
        steps = die_at;
    }
    CHECK(steps > kRows);
}

TEST_CASE("a damaged ledger is kept aside, and the rows that it had not are in a new one") {
    const Setup setup;
    std::ofstream(setup.path) << std::string(8192, 'x');
    Journal journal(setup.journal_options(), 1);
    Importer importer(journal, setup.options(), nullptr);
    append(journal.lane(0), 10);
    journal.close();
    drain(importer);
    CHECK(importer.status().problems[static_cast<std::size_t>(Problem::corrupt)] == 1);
    CHECK(std::filesystem::exists(setup.path + ".damaged-1"));
    CHECK(ask(setup.path, "SELECT count(*) FROM requests") == 10);
}

TEST_CASE("a ledger that another process holds is filled when it lets go") {
    const Setup setup;
    Journal journal(setup.journal_options(), 1);
    Importer importer(journal, setup.options(), nullptr);
    static_cast<void>(importer.tick(kNow));
    auto other = sqlite::Database::open(setup.path, sqlite::Mode::create, 0);
    REQUIRE(other);
    REQUIRE(other->run("BEGIN EXCLUSIVE"));
    append(journal.lane(0), 10);
    static_cast<void>(importer.tick(kNow + 1));
    CHECK(importer.status().is_failing);
    CHECK(importer.status().own_rows == 0);
    CHECK(importer.status().lag_ms > 0);
    CHECK(importer.status().problems[static_cast<std::size_t>(Problem::locked)] == 1);
    REQUIRE(other->run("COMMIT"));
    static_cast<void>(importer.tick(kNow + 2'000'000));
    CHECK_FALSE(importer.status().is_failing);
    CHECK(ask(setup.path, "SELECT count(*) FROM requests") == 10);
}

TEST_CASE("a ledger that was moved away is begun anew") {
    const Setup setup;
    Journal journal(setup.journal_options(), 1);
    Importer importer(journal, setup.options(), nullptr);
    static_cast<void>(importer.tick(kNow));
    append(journal.lane(0), 10);
    static_cast<void>(importer.tick(kNow));
    for (const std::string suffix : {"", "-wal", "-shm"}) {
        std::filesystem::rename(setup.path + suffix, setup.scratch.path + "/kept" + suffix);
    }
    append(journal.lane(0), 5);
    static_cast<void>(importer.tick(kNow + 1));
    // The segment is still being written, so the new ledger has all of it.
    CHECK(ask(setup.path, "SELECT count(*) FROM requests") == 15);
}

TEST_CASE("a segment with damage gives what was before it, and is kept") {
    const Setup setup;
    std::string path;
    CHECK(in_child([&] {
              Journal journal(setup.journal_options(), 1);
              static_cast<void>(journal.supply());
              append(journal.lane(0), 20);
              ::_exit(0);  // no destructor: as if killed
          }) == 0);
    for (const auto& file : std::filesystem::directory_iterator(setup.directory)) {
        if (std::filesystem::file_size(file) > 0) {
            path = file.path().string();
        }
    }
    std::fstream(path, std::ios::in | std::ios::out | std::ios::binary).seekp(2000) << "damage";
    Journal journal(setup.journal_options(), 1);
    Importer importer(journal, setup.options(), nullptr);
    drain(importer);
    const std::int64_t rows = ask(setup.path, "SELECT count(*) FROM requests");
    CHECK(rows > 3);
    CHECK(rows < 20);
    CHECK(importer.status().problems[static_cast<std::size_t>(Problem::segment)] == 1);
    CHECK(std::filesystem::exists(path + ".damaged"));
}

TEST_CASE("old requests go, their sums stay; old hours go, days and months stay") {
    const Setup setup;
    Journal journal(setup.journal_options(), 1);
    ImporterOptions options = setup.options();
    options.retention_s = 24 * 3600;
    options.hourly_retention_s = 10 * 24 * 3600;
    Importer importer(journal, options, nullptr);
    Entry entry = test::sample_entry();
    const std::int64_t now = entry.at_us;
    for (int days = 0; days < 30; ++days) {
        entry.at_us = now - days * 86'400'000'000LL;
        journal.lane(0).append(entry);
    }
    journal.close();
    for (int i = 0; i < 50; ++i) {
        static_cast<void>(importer.tick(now + i));
    }
    CHECK(ask(setup.path, "SELECT count(*) FROM requests") == 2);
    CHECK(ask(setup.path, "SELECT count(*) FROM spent") == 2);
    CHECK(ask(setup.path, "SELECT sum(requests) FROM sums WHERE grain = 0") == 11);
    CHECK(ask(setup.path, "SELECT sum(requests) FROM sums WHERE grain = 1") == 30);
    CHECK(ask(setup.path, "SELECT sum(requests) FROM sums WHERE grain = 2") == 30);
}

TEST_CASE("at the limit of the backlog the journal closes, and opens when it is imported") {
    const Setup setup;
    Journal journal(setup.journal_options(), 1);
    ImporterOptions options = setup.options();
    options.max_backlog = 20'000;
    Importer importer(journal, options, nullptr);
    static_cast<void>(importer.tick(kNow));
    auto other = sqlite::Database::open(setup.path, sqlite::Mode::create, 0);
    REQUIRE(other);
    REQUIRE(other->run("BEGIN EXCLUSIVE"));
    for (int i = 0; i < 10; ++i) {
        append(journal.lane(0), 40);
        static_cast<void>(importer.tick(kNow + i));
    }
    CHECK_FALSE(journal.lane(0).is_open());
    CHECK(importer.status().problems[static_cast<std::size_t>(Problem::backlog)] > 0);
    CHECK(setup.files() < 10);
    REQUIRE(other->run("COMMIT"));
    for (int i = 0; i < 5; ++i) {
        static_cast<void>(importer.tick(kNow + 2'000'000 + i));
    }
    CHECK(journal.lane(0).is_open());
    CHECK(journal.lane(0).lost() == 0);
    CHECK(ask(setup.path, "SELECT count(*) FROM requests") == 400);
}

TEST_CASE("a disk without room is an error code, for the journal and the ledger, and is got over") {
    const Setup setup;
    const int code = in_child([&] {
        ::signal(SIGXFSZ, SIG_IGN);
        const auto check = [](bool good, int number) {
            if (!good) {
                ::_exit(number);
            }
        };
        Journal journal(setup.journal_options(), 1);
        Importer importer(journal, setup.options(), nullptr);
        static_cast<void>(importer.tick(kNow));
        check(!importer.status().is_failing, 1);
        const auto limit = [](rlim_t bytes) {
            const rlimit now{.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};
            ::setrlimit(RLIMIT_FSIZE, &now);
        };
        limit(1024);
        append(journal.lane(0), 100);  // more than the segments that are there can hold
        check(!journal.lane(0).is_open(), 2);
        check(journal.lane(0).lost() == 0, 3);
        for (int i = 1; i < 4; ++i) {
            static_cast<void>(importer.tick(kNow + i * 2'000'000));
        }
        check(importer.status().is_failing, 4);
        check(importer.status().rows == 0, 5);
        check(importer.status().problems[static_cast<std::size_t>(Problem::journal)] > 0, 6);
        limit(RLIM_INFINITY);
        for (int i = 4; i < 8; ++i) {
            static_cast<void>(importer.tick(kNow + i * 2'000'000));
        }
        check(!importer.status().is_failing, 7);
        check(journal.lane(0).is_open(), 8);
        check(importer.status().rows == 100, 9);
    });
    CHECK(code == 0);
    CHECK(ask(setup.path, "SELECT count(*) FROM requests") == 100);
}

TEST_CASE("workers append while the ledger's thread imports", "[threads]") {
    const Setup setup;
    auto logger = metrics::Logger::open({.capture = [](std::string_view) {}});
    REQUIRE(logger);
    constexpr int kRows = 3000;
    {
        Ledger ledger({.journal = setup.journal_options(), .importer = setup.options()}, 2,
                      **logger);
        {
            std::jthread first([&] { append(ledger.lane(0), kRows); });
            std::jthread second([&] { append(ledger.lane(1), kRows); });
            while (ledger.figures().rows == 0) {
                std::this_thread::yield();
            }
        }
        CHECK(ledger.figures().lost == 0);
    }
    CHECK(ask(setup.path, "SELECT count(*) FROM requests") == 2 * kRows);
    CHECK(setup.files() == 0);
}

}  // namespace tollgate::ledger
