#include "config/parse.hpp"

#include "tests/config/support.hpp"

#include <algorithm>

using namespace tollgate::config;
using namespace std::chrono_literals;
using test::accept;
using test::environment;
using test::lines_of;
using test::refuse;
using Lines = std::vector<std::string>;

TEST_CASE("an empty file means the defaults") {
    const auto text =
        GENERATE(as<std::string>(), "", "\n", "# nothing\n", "---\n", "{}",
                 "server:\nproviders: ~\nkeys: []\n", "server: {tls: , limits: {body: }}");
    CAPTURE(text);
    const Settings settings = accept(text, environment({{"HOME", "/home/x"}}));
    REQUIRE(settings.server.listen.size() == 1);
    CHECK(to_string(settings.server.listen[0]) == "127.0.0.1:4000");
    CHECK(settings.server.threads == 0);
    CHECK(settings.server.limits.body == 64 * kMiB);
    CHECK(settings.providers.empty());
    CHECK(settings.state_dir == "/home/x/.local/state/tollgate");
    CHECK(settings.state_dir == defaults(environment({{"HOME", "/home/x"}})).state_dir);
    CHECK(settings.warnings.empty());
}

TEST_CASE("every server setting arrives") {
    const ServerSettings server = accept(R"(
server:
  listen: ["127.0.0.1:1", "unix:/t.sock"]
  tls: {cert: /c.pem, key: ~/k.pem, ocsp: /o.der, min_version: 1.3, client_ca: /ca, client_auth: optional}
  threads: 3
  limits: {body: 1MiB, header: 8KiB, json_depth: 10, connections: 5, pipeline: 0}
  timeouts: {header: 1s, body: 2s, idle: 3s, write: 4s, drain: 5s}
  cors: {origins: ["https://a"], headers: [x-a], credentials: true, max_age: 6s}
)",
                                         environment({{"HOME", "/h"}}))
                                      .server;
    CHECK(server.listen[1].unix_path == "/t.sock");
    CHECK(server.tls.certificate == ServerCertificate{"/c.pem", "/h/k.pem", "/o.der"});
    CHECK(server.tls.min_version == TlsVersion::tls13);
    CHECK(server.tls.client_ca == "/ca");
    CHECK(server.tls.client_auth == ClientAuth::optional);
    CHECK(server.tls.enabled());
    CHECK(server.threads == 3);
    CHECK(server.limits.body == kMiB);
    CHECK(server.limits.header == 8 * kKiB);
    CHECK(server.limits.json_depth == 10);
    CHECK(server.limits.connections == 5);
    CHECK(server.limits.pipeline == 0);
    CHECK(server.timeouts.header == 1s);
    CHECK(server.timeouts.body == 2s);
    CHECK(server.timeouts.idle == 3s);
    CHECK(server.timeouts.write == 4s);
    CHECK(server.timeouts.drain == 5s);
    CHECK(server.cors.origins == Lines{"https://a"});
    CHECK(server.cors.headers == Lines{"x-a"});
    CHECK(server.cors.credentials);
    CHECK(server.cors.max_age == 6s);
}

TEST_CASE("the rest of the file arrives: models, router, failover, keys, cost, metrics, logging") {
    const Settings settings = accept(
        R"(
models:
  one: openai/gpt-4o
  list: [one, {model: groq/x, weight: 5}]
  smart: {chain: [anthropic/a, openai/b]}
  cheap: {balance: latency, targets: [{model: groq/l, weight: 3}, together/l]}
router: {auto: {policy: cheap, tasks: {code: [smart], vision: openai/gpt-4o}, sticky: key}}
failover: {retries: 7, backoff: {base: 1ms, max: 2s}, retry_budget: 30%, breaker: {errors: 8, window: 9s, open: 10s}, hedge: {after: p95, budget: 5%}}
keys:
  - {name: search, hash: ")" +
        test::kHash +
        R"(", team: t, models: [smart], budget: {usd: 200.5, per: week}, limits: {rpm: 600, tpm: 400_000, concurrency: 50}, tags: [a, b]}
cost: {currency: USD, prices: {my_vllm/qwen: {input: 0.1, output: 0.3, cache_read: 0, request: 0.01}}, unpriced: reject}
metrics: {listen: "127.0.0.1:9464", buckets: [5ms, 0.1, 1s]}
logging: {level: debug, format: text, access: false, content: true}
state_dir: /var/lib/tollgate
)");
    REQUIRE(settings.models.size() == 4);
    CHECK(settings.models[0].targets[0].model == "openai/gpt-4o");
    CHECK(settings.models[1].targets[1].weight == 5);
    CHECK(settings.models[2].is_chain);
    CHECK(settings.models[2].targets[1].model == "openai/b");
    CHECK_FALSE(settings.models[3].is_chain);
    CHECK(settings.models[3].balance == Balance::latency);
    CHECK(settings.models[3].targets[0].weight == 3);
    CHECK(settings.models[3].targets[1].weight == 1);
    const AutoRouter& automatic = settings.router.automatic;
    CHECK(automatic.policy == AutoPolicy::cheap);
    CHECK(automatic.sticky == Sticky::key);
    REQUIRE(automatic.tasks.size() == 2);
    CHECK(automatic.tasks[1] == std::pair<std::string, Lines>("vision", {"openai/gpt-4o"}));
    const FailoverSettings& failover = settings.failover;
    CHECK(failover.retries == 7);
    CHECK(failover.backoff.base == 1ms);
    CHECK(failover.backoff.max == 2s);
    CHECK(failover.retry_budget == Approx(0.3));
    CHECK(failover.breaker.errors == 8);
    CHECK(failover.breaker.window == 9s);
    CHECK(failover.breaker.open == 10s);
    CHECK(failover.hedge.enabled);
    CHECK(failover.hedge.percentile == 95);
    CHECK(failover.hedge.budget == Approx(0.05));
    REQUIRE(settings.keys.size() == 1);
    const KeySettings& key = settings.keys[0];
    CHECK(key.hash == test::kHash);
    CHECK(key.team == "t");
    REQUIRE(key.budget);
    CHECK(key.budget->usd.micros == 200'500'000);
    CHECK(key.budget->per == Period::week);
    CHECK(key.limits.rpm == 600);
    CHECK(key.limits.tpm == 400'000);
    CHECK(key.limits.concurrency == 50);
    CHECK(key.tags == Lines{"a", "b"});
    REQUIRE(settings.cost.prices.size() == 1);
    const ModelPrice& price = settings.cost.prices[0];
    CHECK(price.model == "my_vllm/qwen");
    CHECK(price.rates == PriceRates{{"input", Usd{100'000}},
                                    {"output", Usd{300'000}},
                                    {"cache_read", Usd{0}},
                                    {"request", Usd{10'000}}});
    CHECK(settings.cost.unpriced == Unpriced::reject);
    CHECK(settings.metrics.listen == ListenAddress{.host = "127.0.0.1", .port = 9464});
    CHECK(settings.metrics.buckets == std::vector<double>{0.005, 0.1, 1});
    CHECK(settings.logging.level == LogLevel::debug);
    CHECK(settings.logging.format == LogFormat::text);
    CHECK_FALSE(settings.logging.access);
    CHECK(settings.logging.content);
    CHECK(settings.state_dir == "/var/lib/tollgate");
}

TEST_CASE("hedging is off, after a percentile, or after a time") {
    CHECK_FALSE(accept("failover: {hedge: {after: off}}").failover.hedge.enabled);
    CHECK_FALSE(accept("failover: {hedge: {budget: 1%}}").failover.hedge.enabled);
    const Hedge hedge = accept("failover: {hedge: {after: 2s}}").failover.hedge;
    CHECK(hedge.enabled);
    CHECK(hedge.percentile == 0);
    CHECK(hedge.delay == 2s);
    const auto bad = GENERATE(as<std::string>(), "p0", "p100", "p", "p9.5", "on", "0", "[p95]");
    CHECK(refuse("failover: {hedge: {after: " + bad + "}}").size() == 1);
}

TEST_CASE("all problems are listed at once, in the order of the file") {
    CHECK(refuse(R"(server:
  listen: ["nonsense"]
  treads: 4
  limits: {body: 64MB!, json_depth: many}
providers:
  default: gone
  openai: {enabled: yes, base_url: ftp://x}
modles: {}
logging: {level: loud}
)") == Lines{
           "t.yaml:2:12: server.listen[0]: expected an IP address and port such as 127.0.0.1:4000, "
           "[::1]:4000 or *:4000, "
           "or unix:/path, got \"nonsense\"",
           "t.yaml:3:3: server.treads: unknown key; did you mean threads?",
           "t.yaml:4:18: server.limits.body: expected a size such as 64KiB, 10MB or a plain number "
           "of bytes, got \"64MB!\"",
           "t.yaml:4:37: server.limits.json_depth: expected a whole number from 4 to 1024, got "
           "\"many\"",
           "t.yaml:6:12: providers.default: gone is not among the providers below",
           "t.yaml:7:21: providers.openai.enabled: expected true or false, got \"yes\"",
           "t.yaml:7:36: providers.openai.base_url: expected a URL such as "
           "https://api.example.com/v1, got \"ftp://x\"",
           "t.yaml:8:1: modles: unknown key; did you mean models?",
           "t.yaml:9:18: logging.level: expected one of trace, debug, info, warn, error, off, got "
           "\"loud\"",
       });
}

TEST_CASE("unknown keys suggest the nearest known one, or list them") {
    struct Row {
        std::string yaml;
        std::string expected;
    };
    const auto row = GENERATE(values<Row>({
        {"servr: {}", "servr: unknown key; did you mean server?"},
        {"sevrer: {}", "sevrer: unknown key; did you mean server?"},
        {"providers: {x: {apikey: a}}", "providers.x.apikey: unknown key; did you mean api_key?"},
        {"providers: {x: {timeouts: {firstbyte: 1s}}}",
         "firstbyte: unknown key; did you mean first_byte?"},
        {"keys: [{name: a, hash: '" + test::kHash + "', limit: {}}]",
         "keys[0].limit: unknown key; did you mean limits?"},
        {"models: {m: {chian: [a/b]}}", "models.m.chian: unknown key; did you mean chain?"},
        {"models: {m: {targets: [{modle: a/b}]}}", "modle: unknown key; did you mean model?"},
        {"cost: {prices: {a/b: {inputs: 1}}}",
         "cost.prices.a/b.inputs: unknown key; did you mean input?"},
        {"router: {auto: {tasks: {visoin: [a/b]}}}",
         "router.auto.tasks.visoin: unknown key; did you mean vision?"},
        {"logging: {colour: true}",
         "logging.colour: unknown key; known here: level, format, access, content"},
        {"Server: {}", "Server: unknown key; did you mean server?"},
    }));
    CAPTURE(row.yaml);
    const Lines lines = refuse(row.yaml);
    CHECK(std::ranges::any_of(
        lines, [&](const std::string& line) { return line.ends_with(row.expected); }));
    CAPTURE(lines);
}

TEST_CASE("a wrong type is named with what was expected") {
    struct Row {
        std::string yaml;
        std::string expected;
    };
    const auto row = GENERATE(values<Row>({
        {"[a]", "t.yaml:1:1: expected a mapping such as `server: {...}` at the top"},
        {"text", "t.yaml:1:1: expected a mapping such as `server: {...}` at the top"},
        {"server: 5", "t.yaml:1:9: server: expected a mapping (key: value), got a single value"},
        {"server: [a]", "t.yaml:1:9: server: expected a mapping (key: value), got a list"},
        {"server: {threads: [1]}",
         "t.yaml:1:19: server.threads: expected auto or a whole number from 1 to 1024, got a list"},
        {"server: {listen: {a: b}}",
         "t.yaml:1:18: server.listen: expected a list such as [a, b], got a mapping"},
        {"server: {timeouts: {idle: {a: b}}}",
         "t.yaml:1:27: server.timeouts.idle: expected a duration such as 500ms, 10s, 5m, 1h or 1d, "
         "got a mapping"},
        {"providers: {x: hello}",
         "t.yaml:1:16: providers.x: expected a mapping such as {api_key: ${API_KEY}}"},
        {"providers: {x: {headers: [a]}}",
         "t.yaml:1:26: providers.x.headers: expected a mapping (key: value), got a list"},
        {"providers: {x: {api_key: {a: b}}}",
         "t.yaml:1:26: providers.x.api_key: expected a list such as [a, b], got a mapping"},
        {"providers: {x: {api_key: [[a]]}}",
         "t.yaml:1:27: providers.x.api_key[0]: expected a text, ${VARIABLE} or file:/path, got a "
         "list"},
        {"providers: {x: {deployment_map: {m: [a]}}}",
         "t.yaml:1:37: providers.x.deployment_map.m: expected a text of 1 to 4096 bytes without "
         "control characters, "
         "got a list"},
        {"models: {m: [[a]]}",
         "t.yaml:1:14: models.m[0]: expected provider/model such as openai/gpt-4o, or an alias, "
         "got a list"},
        {"keys: {a: b}", "t.yaml:1:7: keys: expected a list of mappings, got a mapping"},
        {"keys: [a]", "t.yaml:1:8: keys[0]: expected a mapping (key: value), got a single value"},
        {"cost: {prices: {m: 5}}",
         "t.yaml:1:20: cost.prices.m: expected a mapping such as {input: 0.1, output: 0.3}"},
        {"cost: {currency: EUR}", "t.yaml:1:18: cost.currency: expected USD, got \"EUR\""},
        {"server: {limits: {header: 1}}",
         "t.yaml:1:27: server.limits.header: expected a size from 1KiB to 16MiB, in whole "
         "bytes, got \"1\""},
    }));
    CAPTURE(row.yaml);
    CHECK(refuse(row.yaml) == Lines{row.expected});
}

TEST_CASE("values come from the environment before they are checked") {
    const Environment env =
        environment({{"THREADS", "4"}, {"BODY", "1MiB"}, {"BAD", "not-a-number"}});
    const Settings settings = accept(
        "server: {threads: '${THREADS}', limits: {body: '${BODY}', json_depth: '${DEPTH:-9}'}}",
        env);
    CHECK(settings.server.threads == 4);
    CHECK(settings.server.limits.body == kMiB);
    CHECK(settings.server.limits.json_depth == 9);
    CHECK(accept("server: {threads: '${NO:-}'}", env).server.threads == 0);
    CHECK(refuse("server: {threads: '${BAD}'}", env) ==
          Lines{"t.yaml:1:19: server.threads: expected auto or a whole number from 1 to 1024, got "
                "\"${BAD}\""});
    CHECK_THAT(refuse("server: {threads: '${GONE}'}", env).front(),
               Catch::Contains("server.threads: environment variable GONE is not set"));
    CHECK_THAT(refuse("state_dir: '${'").front(),
               Catch::Contains("state_dir: ${ without a closing }"));
    CHECK(accept("state_dir: /a$$b$c").state_dir == "/a$b$c");
}

TEST_CASE("problems of a hostile file are cut at a thousand") {
    std::string text = "server: {";
    for (int i = 0; i < 3000; ++i) {
        text += "k" + std::to_string(i) + ": 1, ";
    }
    const Lines lines = refuse(text + "}");
    CHECK(lines.size() == 1001);
    CHECK(lines.back() == "t.yaml: further problems are not listed");
}

TEST_CASE("a file is read, and a missing one is a problem") {
    const test::ScratchDirectory scratch;
    const std::string path = scratch.write("t.yaml", "state_dir: /x\n");
    const auto settings = parse_file(path, environment());
    REQUIRE(settings);
    CHECK(settings->state_dir == "/x");
    CHECK(settings->source.file == path);
    const auto missing = parse_file(scratch.path() + "/none.yaml", environment());
    REQUIRE_FALSE(missing);
    CHECK(lines_of(missing.error()) ==
          Lines{scratch.path() + "/none.yaml: cannot read " + scratch.path() +
                "/none.yaml: No such file or directory"});
    CHECK_FALSE(parse_file(scratch.path(), environment()));
}

TEST_CASE("the file is searched in the documented order") {
    const test::ScratchDirectory scratch;
    std::filesystem::create_directories(scratch.path() + "/.config/tollgate");
    const Environment home = environment({{"HOME", scratch.path()}});
    const std::filesystem::path before = std::filesystem::current_path();
    std::filesystem::current_path(scratch.path());
    CHECK_FALSE(find_config(std::nullopt, home));
    const std::string in_home = scratch.write(".config/tollgate/tollgate.yaml", "");
    CHECK(find_config(std::nullopt, home) == in_home);
    CHECK_FALSE(find_config(std::nullopt, environment()));
    (void)scratch.write("tollgate.yaml", "");
    CHECK(find_config(std::nullopt, home) == "tollgate.yaml");
    CHECK(find_config(std::nullopt, environment({{"TOLLGATE_CONFIG", "/x"}})) == "/x");
    CHECK(find_config(std::nullopt, environment({{"TOLLGATE_CONFIG", ""}})) == "tollgate.yaml");
    CHECK(find_config("/explicit", environment({{"TOLLGATE_CONFIG", "/x"}})) == "/explicit");
    std::filesystem::current_path(before);
}

TEST_CASE("a problem prints as file, line, column, path and text, without what is unknown") {
    CHECK(to_string(Problem{"f", 1, 2, "a.b", "wrong"}) == "f:1:2: a.b: wrong");
    CHECK(to_string(Problem{"f", 0, 0, "", "wrong"}) == "f: wrong");
    CHECK(to_string(Problem{"", 0, 0, "a", "wrong"}) == "a: wrong");
    CHECK(printable("a\n\xc3\x7f", 9) == "a\\x0a\\xc3\\x7f");
    CHECK(printable("abcdef", 3) == "abc...");
}

TEST_CASE("later rules find the place of any setting, or of what is around it") {
    const Settings settings = accept(
        "providers:\n  a.b: {type: x,\n    timeouts: {idle: 1s}}\nserver:\n  listen:\n"
        "    - '127.0.0.1:1'\n");
    const Source& source = settings.source;
    CHECK(source.at("providers.a.b.type") == Position{2, 15});
    CHECK(source.at("providers.a.b.base_url") == Position{2, 3});
    CHECK(source.at("providers.a.b.timeouts.total") == Position{3, 5});
    CHECK(source.at("server.listen[0]") == Position{6, 7});
    CHECK(source.at("server.listen[7]") == Position{5, 3});
    CHECK(source.at("logging.level") == Position{});
    CHECK(to_string(source.problem("providers.a.b.base_url", "is missing")) ==
          "t.yaml:2:3: providers.a.b.base_url: is missing");
}
