#include "metrics/access_log.hpp"

#include "tests/metrics/flat_json.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <string>
#include <vector>

using namespace tollgate::metrics;
using namespace std::chrono_literals;
using test::FlatJson;

namespace {

RequestRecord full_record() {
    RequestRecord record;
    record.wall = std::chrono::sys_days{std::chrono::year(2026) / 1 / 31} + 23h + 59min + 58s;
    record.endpoint = "chat";
    record.method = "POST";
    record.path = "/v1/chat/completions?key=SECRET";
    record.request_id = "req-1";
    record.client_address = "10.1.2.3:5555";
    record.provider = "openai";
    record.model = "gpt-4o-2024";
    record.requested_model = "smart";
    record.key_name = "search-team";
    record.status = 200;
    record.stream = true;
    record.attempts = 2;
    record.usage.input = 11;
    record.usage.cache_read = 12;
    record.usage.cache_write = 13;
    record.usage.output = 14;
    record.usage.reasoning = 15;
    record.usage.reported = true;
    record.bytes_in = 1000;
    record.bytes_out = 2000;
    record.first_byte = 250'123us;
    record.duration = 1'500'042us;
    record.upstream_wait = 1'500'000us + 500ns;
    return record;
}

/// Batches as they reach the log's thread, after the logger's end.
template <class Use>
std::vector<std::string> batches(LogOptions options, Use use) {
    std::vector<std::string> received;
    options.capture = [&received](std::string_view text) { received.emplace_back(text); };
    auto logger = Logger::open(options);
    REQUIRE(logger);
    use(**logger);
    logger->reset();
    return received;
}

std::string one_line(const RequestRecord& record, LogFormat format = LogFormat::json) {
    LogOptions options;
    options.format = format;
    const auto received =
        batches(options, [&](Logger& logger) { AccessLog(logger).write(record); });
    REQUIRE(received.size() == 1);
    REQUIRE(received[0].ends_with('\n'));
    return received[0].substr(0, received[0].size() - 1);
}

}  // namespace

TEST_CASE("the access line says who asked what, who answered, and how long it took") {
    CHECK(
        one_line(full_record()) ==
        R"({"ts":"2026-01-31T23:59:59.500Z","level":"info","event":"access","request_id":"req-1",)"
        R"("client":"10.1.2.3:5555","method":"POST","path":"/v1/chat/completions","endpoint":"chat",)"
        R"("model_requested":"smart","model":"gpt-4o-2024","provider":"openai","key":"search-team",)"
        R"("attempts":2,"status":200,"outcome":"ok","stream":true,"input_tokens":11,)"
        R"("output_tokens":14,"cache_read_tokens":12,"cache_write_tokens":13,"reasoning_tokens":15,)"
        R"("usage":"vendor","bytes_in":1000,"bytes_out":2000,"duration_ms":1500.042,)"
        R"("ttft_ms":250.123,"overhead_us":41.500})");
}

TEST_CASE("the text form has the same fields") {
    CHECK(one_line(full_record(), LogFormat::text) ==
          "ts=2026-01-31T23:59:59.500Z level=info event=access request_id=req-1 "
          "client=10.1.2.3:5555 method=POST path=/v1/chat/completions endpoint=chat "
          "model_requested=smart model=gpt-4o-2024 provider=openai key=search-team attempts=2 "
          "status=200 outcome=ok stream=true input_tokens=11 output_tokens=14 cache_read_tokens=12 "
          "cache_write_tokens=13 reasoning_tokens=15 usage=vendor bytes_in=1000 bytes_out=2000 "
          "duration_ms=1500.042 ttft_ms=250.123 overhead_us=41.500");
}

TEST_CASE("a refused request has no provider, model, key or first byte to show") {
    RequestRecord record;
    record.status = 401;
    record.outcome = Outcome::client_error;
    record.failure = "unauthenticated";
    const auto line = FlatJson::parse(one_line(record));
    REQUIRE(line);
    for (const char* name : {"provider", "model", "model_requested", "key", "ttft_ms"}) {
        CHECK_FALSE(line->contains(name));
    }
    CHECK(line->at("failure") == "unauthenticated");
    CHECK(line->at("outcome") == "client_error");
    CHECK(line->at("usage") == "none");
    CHECK(line->at("level") == "info");
}

TEST_CASE("the level follows whose fault it was, the usage says its source") {
    RequestRecord record;
    record.usage.output = 1;
    const auto level = [&](Outcome outcome) {
        record.outcome = outcome;
        return FlatJson::parse(one_line(record))->at("level");
    };
    CHECK(level(Outcome::client_gone) == "info");
    CHECK(level(Outcome::upstream_error) == "warn");
    CHECK(level(Outcome::truncated) == "warn");
    CHECK(level(Outcome::gateway_error) == "error");
    CHECK(FlatJson::parse(one_line(record))->at("usage") == "estimate");
}

TEST_CASE("hostile texts of any length give one valid, bounded line") {
    const std::string bad_texts[]{std::string(100'000, '\x01'),  std::string(100'000, '\xFF'),
                                  std::string(100'000, '"'),     "\n{\"level\":\"error\"}\n",
                                  "\x1b]0;owned\x07\x1b[2J",     std::string(300, '\0'),
                                  "\"},\"status\":500,{\"x\":\""};
    for (const LogFormat format : {LogFormat::json, LogFormat::text}) {
        for (const auto& bad : bad_texts) {
            RequestRecord record = full_record();
            record.request_id = record.model = record.requested_model = record.provider =
                record.key_name = bad;
            record.method = record.path = record.client_address = record.endpoint = record.failure =
                bad;
            record.usage.input = record.usage.output = record.usage.cache_read =
                record.usage.cache_write = record.usage.reasoning = record.bytes_in =
                    record.bytes_out = ~std::uint64_t{0};
            record.duration = record.first_byte = Clock::duration::max();
            record.upstream_wait = {};
            record.wall = {};
            const std::string line = one_line(record, format);
            CHECK(line.size() < kMaxLineBytes);
            CHECK(line.find("truncated") == std::string::npos);
            CHECK(line.find('\n') == std::string::npos);
            CHECK(line.find('\x1b') == std::string::npos);
            if (format == LogFormat::json) {
                const auto object = FlatJson::parse(line);
                REQUIRE(object);
                CHECK(object->at("status") == "200");
                CHECK(object->at("level") == "info");
            }
        }
    }
}

TEST_CASE("paths lose their query and are cut at 256 bytes") {
    RequestRecord record;
    record.path = "/v1/models?api_key=SECRET";
    CHECK(FlatJson::parse(one_line(record))->at("path") == "/v1/models");
    record.path = "/x#SECRET";
    CHECK(FlatJson::parse(one_line(record))->at("path") == "/x");
    const std::string long_path = "/" + std::string(1000, 'p');
    record.path = long_path;
    CHECK(FlatJson::parse(one_line(record))->at("path") == long_path.substr(0, 256) + "...");
}

TEST_CASE("lines gather into batches that keep their order") {
    constexpr int kLines = 1000;
    int asked = 0;
    const auto received = batches({}, [&](Logger& logger) {
        AccessLog log(logger);
        RequestRecord record = full_record();
        for (int i = 0; i < kLines; ++i) {
            record.request_id = std::to_string(i);
            log.write(record);
            if (log.wants_flush()) {
                ++asked;
                log.flush();
                CHECK(log.empty());
            }
        }
        CHECK_FALSE(log.empty());
    });
    CHECK(asked > 5);
    CHECK(received.size() == static_cast<std::size_t>(asked) + 1);  // the rest came on destruction
    int next = 0;
    for (const auto& batch : received) {
        CHECK(batch.size() <= AccessLog::kBatchBytes + kMaxLineBytes);
        for (std::size_t at = 0; at < batch.size();) {
            const auto end = batch.find('\n', at);
            const auto line = FlatJson::parse(batch.substr(at, end - at));
            REQUIRE(line);
            CHECK(line->at("request_id") == std::to_string(next++));
            at = end + 1;
        }
    }
    CHECK(next == kLines);
}

TEST_CASE("a worker that never flushes loses nothing and stays bounded") {
    const auto received = batches({}, [&](Logger& logger) {
        AccessLog log(logger);
        for (int i = 0; i < 1000; ++i) {
            log.write(full_record());
        }
    });
    std::size_t lines = 0;
    for (const auto& batch : received) {
        CHECK(batch.size() <= AccessLog::kBatchBytes + kMaxLineBytes);
        lines += static_cast<std::size_t>(std::count(batch.begin(), batch.end(), '\n'));
    }
    CHECK(lines == 1000);
    CHECK(received.size() > 5);
}

TEST_CASE("access lines can be off while events stay on") {
    LogOptions options;
    options.access = false;
    const auto received = batches(options, [&](Logger& logger) {
        AccessLog log(logger);
        log.write(full_record());
        CHECK(log.empty());
        log.flush();
        logger.log(Level::info, "event");
    });
    REQUIRE(received.size() == 1);
    CHECK(received[0].find("\"event\":\"event\"") != std::string::npos);
}

TEST_CASE("access lines stay on while events are off") {
    LogOptions options;
    options.level = Level::off;
    const auto received = batches(options, [&](Logger& logger) {
        logger.log(Level::error, "event");
        AccessLog(logger).write(full_record());
    });
    REQUIRE(received.size() == 1);
    CHECK(received[0].find("\"event\":\"access\"") != std::string::npos);
}
