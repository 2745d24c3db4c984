#include "metrics/ledger/report.hpp"

#include "metrics/ledger/store.hpp"
#include "tests/metrics/ledger/support.hpp"
#include "tests/support/catch.hpp"

#include <map>

namespace tollgate::ledger {
namespace {

constexpr std::int64_t kHour = 3600;
constexpr std::int64_t kStart = 1'764'028'800;  // 2025-11-25T00:00:00Z

/// Some hundred requests over five months, and the same as a plain list.
struct Filled {
    struct Item {
        std::int64_t at;
        std::string provider, model, user;
        std::vector<std::string_view> tags;
        std::int64_t cost;
    };
    Filled() {
        auto store = Store::open(path, Durability::process);
        REQUIRE(store);
        REQUIRE(store->begin());
        for (int i = 0; i < 400; ++i) {
            Item item{.at = kStart + i * 9 * kHour + i * 7,
                      .provider = i % 3 == 0 ? "openai" : "groq",
                      .model = "model-" + std::to_string(i % 4),
                      .user = i % 5 == 0 ? "" : "user-" + std::to_string(i % 6),
                      .tags = i % 2 == 0 ? std::vector<std::string_view>{"a", "b"}
                                         : std::vector<std::string_view>{},
                      .cost = 1'000'000'000'000LL * (i % 3) + i};
            Entry entry = test::sample_entry();
            entry.at_us = item.at * 1'000'000 + 999'999;
            entry.provider = item.provider;
            entry.model = item.model;
            entry.user = item.user;
            entry.tags = item.tags;
            entry.use.cost_pico = item.cost;
            entry.spent.clear();
            REQUIRE(store->add(entry));
            items.push_back(item);
        }
        REQUIRE(store->commit());
    }
    test::Scratch scratch;
    std::string path = scratch.path + "/ledger.sqlite";
    std::vector<Item> items;
};

Report ask(const Filled& filled, std::string_view by, std::int64_t since = 0,
           std::int64_t until = 0) {
    const auto dimensions = parse_dimensions(by);
    REQUIRE(dimensions);
    const auto made = report(filled.path, {.by = *dimensions, .since = since, .until = until});
    REQUIRE(made);
    return *made;
}

using Costs = std::map<std::vector<std::string>, metrics::Int128>;

Costs costs(const Report& made) {
    Costs all;
    for (const ReportRow& row : made.rows) {
        CHECK(all.emplace(row.group, row.cost_pico).second);
    }
    return all;
}

}  // namespace

TEST_CASE("a report's groups are the sums of its requests, from sums and from requests alike") {
    const Filled filled;
    Costs by_provider_model;
    Costs by_tag;
    Costs by_user_model;
    for (const Filled::Item& item : filled.items) {
        by_provider_model[{item.provider, item.model}] += item.cost;
        by_user_model[{item.user, item.model}] += item.cost;
        for (const std::string_view tag : item.tags) {
            by_tag[{std::string(tag)}] += item.cost;
        }
        if (item.tags.empty()) {
            by_tag[{""}] += item.cost;
        }
    }
    CHECK(costs(ask(filled, "provider,model")) == by_provider_model);
    CHECK(costs(ask(filled, "tag")) == by_tag);
    CHECK(costs(ask(filled, "user,model")) == by_user_model);  // no table of sums has both
    CHECK(ask(filled, "tag").has_tags);
    CHECK(ask(filled, "").total.requests == 400);
}

TEST_CASE("any span of hours is covered exactly, whatever sums it is made of") {
    const Filled filled;
    for (std::int64_t from = 0; from < 150; from += 7) {
        for (const std::int64_t length : {1, 23, 24 * 5, 24 * 33, 24 * 80}) {
            const std::int64_t since = kStart + from * 24 * kHour + (from % 24) * kHour;
            const std::int64_t until = since + length * kHour;
            metrics::Int128 expected = 0;
            std::uint64_t requests = 0;
            for (const Filled::Item& item : filled.items) {
                if (item.at >= since && item.at < until) {
                    expected += item.cost;
                    ++requests;
                }
            }
            CAPTURE(from, length);
            for (const std::string_view by : {"", "provider", "hour", "day", "month", "user"}) {
                const Report made = ask(filled, by, since, until);
                CHECK(made.total.requests == requests);
                CHECK((made.total.cost_pico == expected));
            }
        }
    }
}

TEST_CASE("time comes first and in order, then the dearest") {
    const Filled filled;
    const Report made = ask(filled, "provider,month");
    REQUIRE(made.rows.size() == 12);
    CHECK(made.rows[0].group[1] == "2025-11");
    CHECK(made.rows[11].group[1] == "2026-04");
    for (std::size_t i = 0; i + 1 < made.rows.size(); i += 2) {
        CHECK(made.rows[i].group[1] == made.rows[i + 1].group[1]);
        CHECK((made.rows[i].cost_pico >= made.rows[i + 1].cost_pico));
    }
    CHECK(ask(filled, "hour").rows[0].group[0] == "2025-11-25T00:00Z");
    CHECK(ask(filled, "day").rows[0].group[0] == "2025-11-25");
}

TEST_CASE("failed attempts are a cost of their provider and model") {
    const test::Scratch scratch;
    const std::string path = scratch.path + "/ledger.sqlite";
    {
        auto store = Store::open(path, Durability::process);
        REQUIRE(store);
        REQUIRE(store->begin());
        REQUIRE(store->add(test::sample_entry()));
        REQUIRE(store->commit());
    }
    for (const std::string_view by : {"provider", "provider,user"}) {
        const auto made = report(path, {.by = *parse_dimensions(by)});
        REQUIRE(made);
        REQUIRE(made->rows.size() == 2);
        CHECK(made->rows[1].group[0] == "groq");
        CHECK(made->rows[1].requests == 0);
        CHECK((made->rows[1].cost_pico == 50'000'000));
        CHECK(made->total.requests == 1);
        CHECK((made->total.cost_pico == 4'550'000'000));
    }
}

TEST_CASE("what cannot be grouped by, and what is no time, is said") {
    CHECK_FALSE(parse_dimensions("provider,colour"));
    CHECK_FALSE(parse_dimensions("provider,provider"));
    CHECK_FALSE(parse_dimensions("hour,day"));
    CHECK(parse_moment("2025-11-25", 0) == kStart);
    CHECK(parse_moment("2025-11-25T13:30", 0) == kStart + 13 * kHour + 1800);
    CHECK(parse_moment("2025-11-25T13:30Z", 0) == kStart + 13 * kHour + 1800);
    CHECK(parse_moment("2d", kStart) == kStart - 48 * kHour);
    CHECK(parse_moment("90m", kStart) == kStart - 5400);
    CHECK(parse_moment("today", kStart + 5000) == kStart);
    CHECK(parse_moment("month", kStart) == kStart - 24 * 24 * kHour);
    for (const std::string_view wrong :
         {"", "x", "7", "7w", "2025", "2025-11", "2025-13-01", "2025-02-30", "2025-11-25T13",
          "2025-11-25T24:00", "2025-11-25T13:60", "2025-11-25 13:00", "99999999999d", "-1d"}) {
        CAPTURE(wrong);
        CHECK_FALSE(parse_moment(wrong, kStart));
    }
}

TEST_CASE("a report as table, CSV and JSON") {
    Report made{.by = {Dimension::user, Dimension::day}};
    ReportRow row{.group = {"a \"b\", c", "2025-11-25"}, .requests = 1234, .failed = 2};
    row.counters[0] = 1'000'000;
    row.counters[4] = 500;
    row.latency_us = 1234 * 2500;
    row.cost_pico = 12'345'678'900'001;
    made.rows.push_back(row);
    row.group = {"", "2025-11-25"};
    row.unpriced = 3;
    row.cost_pico = 0;
    made.rows.push_back(row);
    made.total = row;
    CHECK(render(made, ReportFormat::table) ==
          "user      day         requests  failed      input  cached  cache write  output  mean "
          "ms  unpriced   cost USD\n"
          "a \"b\", c  2025-11-25     1,234       2  1,000,000       0            0     500        "
          "2            12.345679\n"
          "-         2025-11-25     1,234       2  1,000,000       0            0     500        "
          "2         3       0.00\n"
          "total                    1,234       2  1,000,000       0            0     500        "
          "2         3       0.00\n");
    const std::string csv = render(made, ReportFormat::csv);
    CHECK(csv.starts_with("user,day,requests,failed,unpriced,estimated,latency_ms_mean,input,"));
    CHECK_THAT(csv, Catch::Contains("\r\n\"a \"\"b\"\", c\",2025-11-25,1234,2,0,0,2,1000000,0,0,"
                                    "0,500,0,0,0,0,0,0,0,12.345678900001\r\n"));
    const std::string json = render(made, ReportFormat::json);
    CHECK_THAT(json, Catch::Contains(R"("user":"a \"b\", c","day":"2025-11-25","requests":1234)"));
    CHECK_THAT(json, Catch::Contains(R"("cost_usd":"12.345678900001")"));
}

TEST_CASE("without a ledger a report is an error, and makes no file") {
    const test::Scratch scratch;
    CHECK_FALSE(report(scratch.path + "/none.sqlite", {}));
    CHECK_FALSE(std::filesystem::exists(scratch.path + "/none.sqlite"));
}

}  // namespace tollgate::ledger
