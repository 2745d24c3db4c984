#include "metrics/registry.hpp"

#include "metrics/names.hpp"
#include "tests/metrics/exposition_parser.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace tollgate::metrics;
using namespace std::chrono_literals;
using test::Exposition;
using test::ExpositionParser;
using test::Sample;

namespace {

RequestRecord chat(std::string provider, std::string model) {
    RequestRecord record;
    record.endpoint = "chat";
    record.provider = std::move(provider);
    record.model = std::move(model);
    record.status = 200;
    record.duration = 100ms;
    return record;
}

Exposition scrape(const Registry& registry, Format format = Format::text,
                  std::span<const LiveSample> live = {}) {
    Exposition result = ExpositionParser::parse(registry.exposition(format, live));
    CHECK(result.problems == std::vector<std::string>{});
    return result;
}

std::shared_ptr<const Vocabulary> words(std::vector<TargetName> names) {
    return Vocabulary::grown(nullptr, names);
}

}  // namespace

TEST_CASE("a scrape sums what the workers counted") {
    Registry registry;
    const auto names = words({{"openai", "gpt-4o"}});
    registry.set_vocabulary(names);
    Shard& one = registry.add_shard();
    Shard& two = registry.add_shard();
    RequestRecord record = chat("openai", "gpt-4o");
    record.usage.input = 10;
    record.usage.output = 5;
    record.usage.reported = true;
    one.publish(record, names->labels(record));
    two.publish(record, names->labels(record));
    record.status = 529;
    record.outcome = Outcome::upstream_error;
    record.usage.reported = false;
    two.publish(record, names->labels(record));
    one.add_inflight(3);
    two.add_inflight(-1);
    two.add_client_connections(ClientProtocol::http2, 4);
    one.add_handshake(TlsVersion::tls12, false);
    two.add_handshake(TlsVersion::tls12, false);
    two.add_handshake(TlsVersion::tls13, true);
    one.add_handshake_failure(HandshakeFailure::protocol);
    two.add_handshake_failure(HandshakeFailure::plain_http);

    const Exposition seen = scrape(registry);
    const std::string target = R"(endpoint="chat",provider="openai",model="gpt-4o")";
    CHECK(seen.value("tollgate_requests_total", target + R"(,status="200",outcome="ok")") == 2);
    CHECK(seen.value("tollgate_requests_total",
                     target + R"(,status="529",outcome="upstream_error")") == 1);
    CHECK(seen.value("tollgate_request_duration_seconds_count", target) == 3);
    CHECK(seen.value("tollgate_request_duration_seconds_sum", target) == Approx(0.3));
    CHECK(seen.value("tollgate_tokens_total",
                     R"(provider="openai",model="gpt-4o",kind="input",source="vendor")") == 20);
    CHECK(seen.value("tollgate_tokens_total",
                     R"(provider="openai",model="gpt-4o",kind="output",source="estimate")") == 5);
    CHECK(seen.value("tollgate_inflight_requests") == 2);
    CHECK(seen.value("tollgate_client_connections", R"(protocol="http2")") == 4);
    const auto handshakes = [&](const char* labels) {
        return seen.value("tollgate_tls_handshakes_total", labels);
    };
    CHECK(handshakes(R"(version="1.2",resumed="false")") == 2);
    CHECK(handshakes(R"(version="1.3",resumed="true")") == 1);
    CHECK(seen.value("tollgate_tls_handshake_failures_total", R"(reason="protocol")") == 1);
    CHECK(seen.value("tollgate_tls_handshake_failures_total", R"(reason="plain_http")") == 1);
    CHECK(seen.value("tollgate_client_connections", R"(protocol="http1")") == 0);
}

TEST_CASE("provider counters carry outcome, state and event") {
    RegistryOptions options;
    options.shard.attempt_outcomes = {"ok", "connect_failed"};
    Registry registry(options);
    const auto names = words({{"openai", "gpt-4o"}});
    registry.set_vocabulary(names);
    Shard& shard = registry.add_shard();
    const auto openai = names->provider("openai");
    shard.add_attempt(openai, 0);
    shard.add_attempt(openai, 1);
    shard.add_attempt(openai, 1);
    shard.add_attempt(openai, 77);
    shard.add_upstream_connections(openai, UpstreamState::active, 2);
    shard.add_upstream_connections(openai, UpstreamState::active, -1);
    shard.add_upstream_connections(openai, UpstreamState::idle, 1);
    shard.add_pool_event(openai, PoolEvent::waited);
    shard.add_pool_event(openai, PoolEvent::stale);
    shard.add_attempt(60000, 0);

    const Exposition seen = scrape(registry);
    const std::string attempts = "tollgate_attempts_total";
    CHECK(seen.value(attempts, R"(provider="openai",outcome="ok")") == 1);
    CHECK(seen.value(attempts, R"(provider="openai",outcome="connect_failed")") == 2);
    CHECK(seen.value(attempts, R"(provider="openai",outcome="other")") == 1);
    CHECK(seen.value(attempts, R"(provider="other",outcome="ok")") == 1);
    CHECK(seen.value("tollgate_upstream_connections", R"(provider="openai",state="active")") == 1);
    CHECK(seen.value("tollgate_upstream_connections", R"(provider="openai",state="idle")") == 1);
    CHECK(seen.value("tollgate_upstream_pool_waits_total", R"(provider="openai")") == 1);
    const std::string events = "tollgate_upstream_pool_events_total";
    CHECK(seen.value(events, R"(provider="openai",event="stale")") == 1);
    CHECK(seen.value(events, R"(provider="openai",event="opened")") == 0);
}

TEST_CASE("a bucket's limit is inclusive, the last bucket takes the rest") {
    RegistryOptions options;
    options.shard.buckets.duration = {0.5, 0.1, 0.1, -1, 0, std::nan(""), INFINITY};
    Registry registry(options);
    Shard& shard = registry.add_shard();
    for (const auto duration : {50ms, 100ms, 101ms, 500ms, 501ms, 3600'000ms}) {
        RequestRecord record;
        record.duration = duration;
        shard.publish(record, {});
    }
    const Exposition seen = scrape(registry);
    const std::string target = R"(endpoint="other",provider="other",model="other",le=)";
    CHECK(seen.value("tollgate_request_duration_seconds_bucket", target + R"("0.1")") == 2);
    CHECK(seen.value("tollgate_request_duration_seconds_bucket", target + R"("0.5")") == 4);
    CHECK(seen.value("tollgate_request_duration_seconds_bucket", target + R"("+Inf")") == 6);
    std::size_t buckets = 0;
    for (const auto& sample : seen.samples) {
        buckets += sample.name == "tollgate_request_duration_seconds_bucket" ? 1U : 0U;
    }
    CHECK(buckets == 3);
}

TEST_CASE("more buckets than the bound are not made") {
    Buckets buckets;
    buckets.overhead.clear();
    for (int i = 1; i <= 1000; ++i) {
        buckets.overhead.push_back(i);
    }
    CHECK(Bounds(buckets).overhead.size() == kMaxBuckets);
    CHECK(Bounds(Buckets{}).overhead.front() == 10'000);
    CHECK(Bounds(Buckets{}).duration.back() == 600'000'000'000);
}

TEST_CASE("stream times are counted for streams only") {
    Registry registry;
    Shard& shard = registry.add_shard();
    RequestRecord record;
    record.first_byte = 200ms;
    record.duration = 1200ms;
    record.usage.output = 11;
    record.upstream_wait = 1199ms;
    shard.publish(record, {});
    const std::string target = R"(endpoint="other",provider="other",model="other")";
    CHECK_FALSE(scrape(registry).value("tollgate_time_to_first_token_seconds_count", target));

    record.stream = true;
    shard.publish(record, {});
    Exposition seen = scrape(registry);
    CHECK(seen.value("tollgate_time_to_first_token_seconds_sum", target) == Approx(0.2));
    CHECK(seen.value("tollgate_time_per_output_token_seconds_sum", target) == Approx(0.1));
    CHECK(seen.value("tollgate_overhead_seconds_sum", R"(endpoint="other")") == Approx(0.002));
    CHECK_FALSE(seen.value("tollgate_stream_truncated_total", R"(provider="other",model="other")"));

    record.outcome = Outcome::truncated;
    shard.publish(record, {});
    record.outcome = Outcome::ok;
    record.usage.output = 1;  // one token has no time between tokens
    shard.publish(record, {});
    seen = scrape(registry);
    CHECK(seen.value("tollgate_stream_truncated_total", R"(provider="other",model="other")") == 1);
    CHECK(seen.value("tollgate_time_to_first_token_seconds_count", target) == 3);
    CHECK(seen.value("tollgate_time_per_output_token_seconds_count", target) == 1);
}

TEST_CASE("counters go on when a reload adds names") {
    Registry registry;
    const auto before = words({{"a", "m"}});
    registry.set_vocabulary(before);
    Shard& shard = registry.add_shard();
    const RequestRecord first = chat("a", "m");
    shard.publish(first, before->labels(first));

    const TargetName more[]{{"b", "n"}};
    const auto after = Vocabulary::grown(before.get(), more);
    const RequestRecord second = chat("b", "n");
    shard.publish(second, after->labels(second));
    // The registry has not heard of b/n: nothing is shown under a wrong name.
    CHECK(scrape(registry).samples.size() > 0);
    CHECK_FALSE(scrape(registry).value("tollgate_request_duration_seconds_count",
                                       R"(endpoint="chat",provider="other",model="other")"));

    registry.set_vocabulary(after);
    registry.count_reload(true);
    registry.count_reload(false);
    shard.publish(first, before->labels(first));  // an exchange that still holds the old snapshot
    const Exposition seen = scrape(registry);
    CHECK(seen.value("tollgate_request_duration_seconds_count",
                     R"(endpoint="chat",provider="a",model="m")") == 2);
    CHECK(seen.value("tollgate_request_duration_seconds_count",
                     R"(endpoint="chat",provider="b",model="n")") == 1);
    CHECK(seen.value("tollgate_config_reloads_total", R"(result="applied")") == 1);
    CHECK(seen.value("tollgate_config_reloads_total", R"(result="rejected")") == 1);
}

TEST_CASE("clients cannot add series") {
    Registry registry;
    const auto names = words({{"a", "m"}});
    registry.set_vocabulary(names);
    Shard& shard = registry.add_shard();
    for (std::uint16_t i = 0; i < 600; ++i) {
        const std::string invented = "x" + std::to_string(i);
        RequestRecord record = chat(invented, invented);
        record.endpoint = invented;
        record.status = static_cast<std::uint16_t>(600 + i);
        record.requested_model = record.key_name = record.request_id = invented;
        shard.publish(record, names->labels(record));
        shard.publish(record, {.endpoint = i, .target = static_cast<std::uint16_t>(60000 + i)});
    }
    const Exposition seen = scrape(registry);
    CHECK(seen.samples.size() < 800);
    const std::string other =
        R"(endpoint="other",provider="other",model="other",status="other",outcome="ok")";
    CHECK(seen.value("tollgate_requests_total", other).value_or(0) >= 600);
}

TEST_CASE("label values are escaped in both formats") {
    Registry registry;
    const auto names = words({{"a\"b\\c\nd", "m"}});
    registry.set_vocabulary(names);
    const RequestRecord record = chat("a\"b\\c\nd", "m");
    registry.add_shard().publish(record, names->labels(record));
    for (const Format format : {Format::text, Format::openmetrics}) {
        CHECK(scrape(registry, format)
                  .value("tollgate_request_duration_seconds_count",
                         "endpoint=\"chat\",provider=\"a\"b\\c\nd\",model=\"m\"") == 1);
    }
}

TEST_CASE("what an earlier attempt used is counted by the target that it was at") {
    const auto names = words({{"a", "m"}, {"b", "m"}});
    Registry registry;
    registry.set_vocabulary(names);
    RequestRecord record;
    record.endpoint = "chat";
    record.provider = "b";
    record.model = "m";
    SpentAttempt spent;
    spent.provider = "a";
    spent.model = "m";
    spent.usage.input = 7;
    spent.pricing = Pricing::priced;
    spent.cost = 3'000'000'000'000;
    registry.add_shard().publish_spent(spent, names->labels(record, spent));
    const Exposition seen = scrape(registry);
    CHECK(seen.value("tollgate_tokens_total",
                     R"(provider="a",model="m",kind="input",source="estimate")") == 7);
    CHECK(seen.value("tollgate_cost_usd_total",
                     R"(provider="a",model="m",key="",team="",source="estimate")") == 3);
}

TEST_CASE("every metric of the table is shown, with its type and labels, in both formats") {
    RegistryOptions options;
    options.version = "1.2.3";
    options.log_lines_dropped = [] { return std::uint64_t{7}; };
    options.limits = [] {
        LimitFigures figures;
        figures.rejections.push_back({.key = "a", .limit = "requests", .count = 3});
        figures.alerts.emplace_back("sent", 1);
        figures.budgets.push_back({.scope = "key", .name = "a", .per = "day", .limit = 1});
        return figures;
    };
    Registry registry(options);
    Shard& shard = registry.add_shard();
    RequestRecord record;
    record.stream = true;
    record.first_byte = 1ms;
    record.duration = 10ms;
    record.usage.output = 3;
    shard.publish(record, {});
    record.outcome = Outcome::truncated;
    record.pricing = Pricing::priced;
    record.cost = 2'500'000;
    record.usage.vendor_cost = 2'500'000;
    shard.publish(record, {});
    record.pricing = Pricing::unpriced;
    shard.publish(record, {});
    shard.add_attempt(0, 0);
    shard.add_failover({.from = 0, .to = 0, .reason = 0});
    shard.add_hedge(Hedge::won);
    const std::vector<LiveSample> live{
        {.series = Series::provider_state, .labels = {"p"}, .value = 3},
        {.series = Series::breaker_state, .labels = {"p", "m"}, .value = 2},
        {.series = Series::key_state, .labels = {"p", "1"}, .value = 1}};
    shard.add_handshake(TlsVersion::tls13, true);
    shard.add_handshake_failure(HandshakeFailure::cut);
    shard.add_attack(Attack::ping_flood);
    registry.watch_ledger([] {
        tollgate::ledger::Figures figures;
        figures.rows = 5;
        return figures;
    });
    for (const Format format : {Format::text, Format::openmetrics}) {
        const Exposition seen = scrape(registry, format, live);
        const bool open = format == Format::openmetrics;
        CHECK(seen.ends_with_eof == open);
        for (const Metric& row : kMetrics) {
            INFO(row.name);
            std::string family(row.name);
            std::string type(to_string(row.kind));
            if (open && row.kind == SeriesKind::counter) {
                family.erase(family.size() - 6);
            } else if (row.kind == SeriesKind::info) {
                open ? (void)family.erase(family.size() - 5) : (void)(type = "gauge");
            }
            REQUIRE(seen.types.contains(family));
            CHECK(seen.types.at(family) == type);
            CHECK(seen.units.contains(family) == (open && !row.unit.empty()));
            const std::string sample_name =
                std::string(row.name) + (row.kind == SeriesKind::histogram ? "_sum" : "");
            std::string labels = "missing";
            for (const auto& sample : seen.samples) {
                if (sample.name == sample_name) {
                    labels.clear();
                    for (const auto& [name, value] : sample.labels) {
                        labels += (labels.empty() ? "" : ",") + name;
                    }
                    break;
                }
            }
            CHECK(labels == row.labels);
        }
        CHECK(seen.types.size() == kMetrics.size());
        CHECK(seen.value("tollgate_build_info", R"(version="1.2.3")") == 1);
        CHECK(seen.value("tollgate_log_lines_dropped_total") == 7);
        CHECK(seen.value("process_resident_memory_bytes").value_or(0) > 1'000'000);
        CHECK(seen.value("process_open_fds").value_or(0) >= 3);
        CHECK(seen.value("process_start_time_seconds").value_or(0) > 1.5e9);
    }
}

TEST_CASE("default bucket limits are written in few digits, alike in both formats") {
    Registry registry;
    RequestRecord record;
    record.stream = true;
    record.first_byte = 1ms;
    record.usage.output = 2;
    registry.add_shard().publish(record, {});
    std::multiset<double> limits[2];
    for (const Format format : {Format::text, Format::openmetrics}) {
        for (const auto& sample : scrape(registry, format).samples) {
            if (sample.name.ends_with("_bucket")) {
                const std::string& limit = sample.labels.back().second;
                CHECK(sample.labels.back().first == "le");
                CHECK(limit.size() <= 6);
                limits[static_cast<std::size_t>(format)].insert(std::stod(limit));
            }
        }
    }
    CHECK(limits[0].size() > 50);
    CHECK(limits[0] == limits[1]);
}

TEST_CASE("OpenMetrics writes bucket limits as canonical floats") {
    RegistryOptions options;
    options.shard.buckets.duration = {0.25, 1, 600};
    Registry registry(options);
    registry.add_shard().publish(RequestRecord{}, {});
    const Exposition seen = scrape(registry, Format::openmetrics);
    const std::string target = R"(endpoint="other",provider="other",model="other",le=)";
    for (const char* limit : {"0.25", "1.0", "600.0", "+Inf"}) {
        CHECK(seen.value("tollgate_request_duration_seconds_bucket", target + '"' + limit + '"') ==
              1);
    }
}

TEST_CASE("scrapes run beside the workers and never see a counter go back") {
    constexpr int kRequests = 2000;
    Registry registry;
    std::vector<TargetName> names;
    std::vector<std::string> models;
    for (int i = 0; i < 300; ++i) {
        models.push_back("m" + std::to_string(i));
    }
    for (const auto& model : models) {
        names.push_back({"p", model});
    }
    const auto vocabulary = words(names);
    registry.set_vocabulary(vocabulary);
    std::atomic<int> running{2};
    const auto work = [&](Shard& shard) {
        for (int i = 0; i < kRequests; ++i) {
            RequestRecord record = chat("p", models[static_cast<std::size_t>(i) % models.size()]);
            shard.add_inflight(1);
            shard.add_attempt(1, 0);
            shard.publish(record, vocabulary->labels(record));
            shard.add_inflight(-1);
        }
        running.fetch_sub(1);
    };
    std::thread one(work, std::ref(registry.add_shard()));
    std::thread two(work, std::ref(registry.add_shard()));
    double last = 0;
    const std::string attempts = R"(provider="p",outcome="ok")";
    for (int i = 0; i < 10'000 && running.load() > 0; ++i) {
        const auto text = registry.exposition(i % 2 == 0 ? Format::text : Format::openmetrics);
        const double now =
            ExpositionParser::parse(text).value("tollgate_attempts_total", attempts).value_or(0);
        if (now < last) {
            FAIL_CHECK("went back from " << last << " to " << now);
        }
        last = now;
    }
    one.join();
    two.join();
    const Exposition seen = scrape(registry);
    CHECK(seen.value("tollgate_attempts_total", attempts) == 2 * kRequests);
    CHECK(seen.value("tollgate_inflight_requests") == 0);
    double requests = 0;
    for (const auto& sample : seen.samples) {
        requests += sample.name == "tollgate_requests_total" ? sample.value : 0;
    }
    CHECK(requests == 2 * kRequests);
}

TEST_CASE("money is counted to the pico-dollar, and what has no price as tokens") {
    Registry registry;
    Shard& shard = registry.add_shard();
    RequestRecord record;
    record.usage.input = 7;
    record.usage.reported = true;
    record.pricing = Pricing::priced;
    record.cost = 1;
    record.usage.vendor_cost = 3'000'000'000;
    shard.publish(record, {});
    record.cost = kPicoPerUsd;
    record.usage.vendor_cost = kPicoPerUsd + kPicoPerUsd / 2000;
    shard.publish(record, {});
    record.pricing = Pricing::unpriced;
    shard.publish(record, {});
    record.pricing = Pricing::free;
    shard.publish(record, {});

    const Exposition seen = scrape(registry);
    const std::string target = R"(provider="other",model="other")";
    CHECK(seen.value("tollgate_cost_usd_total", target + R"(,key="",team="",source="vendor")") ==
          1.000000000001);
    CHECK(seen.value("tollgate_unpriced_tokens_total", target) == 7);
    CHECK(seen.value("tollgate_vendor_costs_total", target + R"(,result="same")") == 1);
    CHECK(seen.value("tollgate_vendor_costs_total", target + R"(,result="different")") == 1);
}

TEST_CASE("money is told apart by the caller's key, up to a number of pairs") {
    RegistryOptions options;
    options.limits = [] {
        LimitFigures figures;
        figures.keys = {{}, {}, {}, {.key = "search", .team = "web"}};
        return figures;
    };
    Registry registry(options);
    Shard& shard = registry.add_shard();
    RequestRecord record;
    record.usage.reported = true;
    record.pricing = Pricing::priced;
    record.cost = kPicoPerUsd;
    shard.publish(record, {.key = kFirstKey});
    SpentAttempt spent;
    spent.usage = record.usage;
    spent.pricing = Pricing::priced;
    spent.cost = kPicoPerUsd;
    shard.publish_spent(spent, {.key = kFirstKey});
    shard.publish(record, {.key = kMaxKeys});       // never given
    shard.publish(record, {.key = kFirstKey + 1});  // its name is not known to this scrape
    const Exposition seen = scrape(registry);
    const std::string target = R"(provider="other",model="other")";
    CHECK(seen.value("tollgate_cost_usd_total",
                     target + R"(,key="search",team="web",source="vendor")") == 2);
    CHECK(seen.value("tollgate_cost_usd_total",
                     target + R"(,key="other",team="other",source="vendor")") == 1);
    CHECK(std::ranges::count(seen.samples, "tollgate_cost_usd_total", &Sample::name) == 2);

    for (std::size_t i = 0; i < kMaxCostPairs + 10; ++i) {
        shard.publish(record, {.target = static_cast<std::uint16_t>(1 + i / kMaxKeys),
                               .key = static_cast<std::uint16_t>(i % kMaxKeys)});
    }
    std::size_t pairs = 0;
    Int128 sum = 0;
    shard.for_each_cost([&](std::uint16_t, std::uint16_t, const CostCells& cells) {
        ++pairs;
        sum += cells.cost[0].read() + cells.cost[1].read();
    });
    CHECK(pairs <= kMaxCostPairs + 2);  // and `other` of the targets of those beyond
    CHECK(sum == Int128{kPicoPerUsd} * (4 + kMaxCostPairs + 10));
}
