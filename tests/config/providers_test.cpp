#include "tests/config/support.hpp"

#include <algorithm>

using namespace tollgate::config;
using namespace std::chrono_literals;
using test::accept;
using test::environment;
using test::lines_of;
using test::refuse;
using Lines = std::vector<std::string>;

TEST_CASE("every provider setting arrives") {
    const Settings settings = accept(R"(
providers:
  default: full
  full:
    type: openai_compat
    enabled: true
    api_key: [k1, k2]
    aws: {access_key_id: AKIA, secret_access_key: s, session_token: t}
    credentials: metadata
    base_url: http://10.0.0.5:8000/v1/
    default_model: m
    api_version: 2024-10-21
    project: p
    location: us-east1
    deployment_map: {gpt-4o: my-gpt4o}
    timeouts: {connect: 1s, first_byte: 2s, idle: 3s, total: 4s}
    proxy: http://u:pw@proxy:3128
    headers: {X-Team: search}
    pool: {max_connections: 7, idle: 8s, http2: on, ping: 9s}
    tls: {ca_file: /ca, verify: true, client_cert: /c, client_key: /k, server_name: n}
    models: [a, b]
    paths: {chat: /c, completions: /d, embeddings: /e, models: /m}
    token_field: max_completion_tokens
    developer_as_system: true
    drop: [x]
    include_usage: false
    auth: header:X-Key
    demo: {latency: 1ms, chunk_delay: 2ms, chunks: 3, fault: cut, fault_rate: 50%, retry_after: 4s, seed: 5}
)");
    REQUIRE(settings.provider("full") != nullptr);
    CHECK(settings.provider("other") == nullptr);
    CHECK(settings.default_provider == "full");
    const ProviderSettings& p = settings.providers.at(0);
    CHECK(p.type == "openai_compat");
    CHECK(p.enabled == true);
    REQUIRE(p.api_keys.size() == 2);
    CHECK(p.api_keys[1].reveal() == "k2");
    CHECK(p.aws.access_key_id == "AKIA");
    CHECK(p.aws.secret_access_key.reveal() == "s");
    CHECK(p.aws.session_token.reveal() == "t");
    CHECK(p.credentials == "metadata");
    CHECK(p.base_url == "http://10.0.0.5:8000/v1");
    CHECK(p.default_model == "m");
    CHECK(p.api_version == "2024-10-21");
    CHECK(p.project == "p");
    CHECK(p.location == "us-east1");
    CHECK(p.deployment_map.at(0) == std::pair<std::string, std::string>("gpt-4o", "my-gpt4o"));
    CHECK(p.timeouts.connect == 1s);
    CHECK(p.timeouts.first_byte == 2s);
    CHECK(p.timeouts.idle == 3s);
    CHECK(p.timeouts.total == 4s);
    CHECK(p.proxy.reveal() == "http://u:pw@proxy:3128");
    CHECK(p.headers.at(0).first == "X-Team");
    CHECK(p.headers.at(0).second.reveal() == "search");
    CHECK(p.pool.max_connections == 7);
    CHECK(p.pool.idle == 8s);
    CHECK(p.pool.http2 == Http2::on);
    CHECK(p.pool.ping == 9s);
    CHECK(p.tls.ca_file == "/ca");
    CHECK(p.tls.client_cert == "/c");
    CHECK(p.tls.client_key == "/k");
    CHECK(p.tls.server_name == "n");
    CHECK(p.models == Lines{"a", "b"});
    CHECK(p.openai.chat_path == "/c");
    CHECK(p.openai.completions_path == "/d");
    CHECK(p.openai.embeddings_path == "/e");
    CHECK(p.openai.models_path == "/m");
    CHECK(p.openai.token_field == TokenField::max_completion_tokens);
    CHECK(p.openai.developer_as_system == true);
    CHECK(p.openai.drop == Lines{"x"});
    CHECK(p.openai.include_usage == false);
    CHECK(p.openai.auth == AuthScheme::header);
    CHECK(p.openai.auth_header == "X-Key");
    CHECK(p.demo.latency == 1ms);
    CHECK(p.demo.chunk_delay == 2ms);
    CHECK(p.demo.chunks == 3);
    CHECK(p.demo.fault == DemoFault::cut);
    CHECK(p.demo.fault_rate == Approx(0.5));
    CHECK(p.demo.retry_after == 4s);
    CHECK(p.demo.seed == 5);
}

TEST_CASE("a provider that says nothing is of the type that it is named after") {
    const Settings settings = accept("providers: {groq: , ollama: {}}");
    REQUIRE(settings.providers.size() == 2);
    CHECK(settings.providers[0].type == "groq");
    CHECK(settings.providers[1].type == "ollama");
    CHECK_FALSE(settings.providers[0].enabled);
    CHECK(settings.providers[0].api_keys.empty());
    CHECK_FALSE(settings.providers[0].openai.auth);
}

TEST_CASE("region is another name for location") {
    CHECK(accept("providers: {bedrock: {region: eu-west-1}}").providers[0].location == "eu-west-1");
    CHECK(accept("providers: {bedrock: {region: a, location: a}}").providers[0].location == "a");
    CHECK(refuse("providers: {bedrock: {region: a, location: b}}") ==
          Lines{"t.yaml:1:31: providers.bedrock.region: region is another name for location; give "
                "one of them"});
}

TEST_CASE(
    "an unset key: refused where enabled, a warning where not said, nothing where switched off") {
    const Lines refused = refuse("providers: {openai: {enabled: true, api_key: '${K}'}}");
    REQUIRE(refused.size() == 1);
    CHECK_THAT(refused[0],
               Catch::StartsWith(
                   "t.yaml:1:46: providers.openai.api_key: environment variable K is not set"));
    const Settings open = accept("providers: {openai: {api_key: '${K}'}}");
    CHECK(open.providers[0].api_keys.empty());
    REQUIRE(open.warnings.size() == 1);
    CHECK_THAT(to_string(open.warnings[0]),
               Catch::StartsWith(
                   "t.yaml:1:31: providers.openai.api_key: environment variable K is not set"));
    const Settings off = accept(
        "providers: {openai: {enabled: false, api_key: '${K}', base_url: '${U}', proxy: '${P}'}}");
    CHECK(off.warnings.empty());
    CHECK(off.providers[0].base_url.empty());
}

TEST_CASE("keys of a pool that are not set are left out") {
    const Settings settings =
        accept("providers: {x: {api_key: ['${A}', '${B}', '${C:-}']}}", environment({{"A", "a"}}));
    REQUIRE(settings.providers[0].api_keys.size() == 1);
    CHECK(settings.providers[0].api_keys[0].reveal() == "a");
    CHECK(settings.warnings.size() == 1);
}

TEST_CASE("a key given twice is used once") {
    const Settings settings = accept("providers: {x: {api_key: [a, b, a]}}");
    CHECK(settings.providers[0].api_keys.size() == 2);
    CHECK(
        lines_of(settings.warnings) ==
        Lines{"t.yaml:1:33: providers.x.api_key[2]: the same key is given twice; it is used once"});
}

TEST_CASE(
    "an unset variable outside the credentials is a problem, as the vendor's own value may be the "
    "wrong one") {
    CHECK_THAT(refuse("providers: {x: {base_url: '${U}'}}").front(),
               Catch::Contains("providers.x.base_url: environment variable U is not set"));
    CHECK_THAT(refuse("providers: {x: {proxy: '${P}'}}").front(),
               Catch::Contains("variable P is not set"));
    CHECK(
        accept("providers: {x: {proxy: '${P:-}', base_url: '${U:-}'}}").providers[0].proxy.empty());
}

TEST_CASE("keys come from files") {
    const test::ScratchDirectory scratch;
    const std::string path = scratch.write("key", "sk-file\n");
    CHECK(accept("providers: {x: {api_key: 'file:" + path + "'}}")
              .providers[0]
              .api_keys[0]
              .reveal() == "sk-file");
    CHECK(accept("providers: {x: {api_key: '${K}'}}", environment({{"K", "file:" + path}}))
              .providers[0]
              .api_keys[0]
              .reveal() == "sk-file");
    CHECK_THAT(refuse("providers: {x: {api_key: 'file:/does/not/exist'}}").front(),
               Catch::Contains("providers.x.api_key: cannot read /does/not/exist: No such file"));
    CHECK(accept("providers: {x: {enabled: false, api_key: 'file:/does/not/exist'}}")
              .providers[0]
              .api_keys.empty());
    const std::string two_lines = scratch.write("two", "sk-1\nsk-2\n");
    CHECK_THAT(refuse("providers: {x: {api_key: 'file:" + two_lines + "'}}").front(),
               Catch::Contains("control characters or more than one line"));
}

TEST_CASE("names that routing could not use are refused") {
    CHECK_THAT(refuse("providers: {a/b: {}}").front(),
               Catch::Contains("providers.a/b: expected a name"));
    CHECK_THAT(refuse("providers: {auto: {}}").front(), Catch::Contains("auto-router"));
    CHECK_THAT(refuse("providers: {'': {}}").front(), Catch::Contains("expected a name"));
    CHECK_THAT(refuse("models: {' x': a/b}").front(), Catch::Contains("expected a model name"));
}

TEST_CASE("headers are checked by name and value") {
    CHECK_THAT(refuse("providers: {x: {headers: {Host: h}}}").front(),
               Catch::Contains("set by the gateway itself"));
    CHECK_THAT(refuse("providers: {x: {headers: {'a b': h}}}").front(),
               Catch::Contains("expected a header name"));
    CHECK_THAT(refuse("providers: {x: {headers: {a: \"b\\r\\nc\"}}}").front(),
               Catch::Contains("control characters"));
    CHECK_THAT(refuse("providers: {x: {headers: {a: }}}").front(),
               Catch::Contains("expected a value"));
    CHECK_THAT(refuse("providers: {x: {headers: {A: 1, a: 2}}}").front(),
               Catch::Contains("given twice, in different case"));
}

TEST_CASE("authentication is bearer, none or a header") {
    CHECK(accept("providers: {x: {auth: none}}").providers[0].openai.auth == AuthScheme::none);
    CHECK(accept("providers: {x: {auth: bearer}}").providers[0].openai.auth == AuthScheme::bearer);
    const auto bad = GENERATE(as<std::string>(), "header", "'header:'", "'header:a b'", "basic",
                              "'header:Host'");
    CHECK(refuse("providers: {x: {auth: " + bad + "}}").size() == 1);
}

TEST_CASE("no problem or warning ever shows a secret") {
    const std::string secret = "sk-THE-SECRET-VALUE-123456";
    const Environment env = environment({{"K", secret}, {"P", "nonsense://" + secret}});
    const auto text = GENERATE(
        as<std::string>(), "server: {threads: '${K}', limits: {body: '${K}'}, listen: ['${K}']}",
        "providers: {x: {api_key: {nested: LITERAL}}}", "providers: {x: {api_key: [[LITERAL]]}}",
        "providers: {x: {api_key: \"LITERAL\\nmore\"}}", "providers: {x: {proxy: '${P}'}}",
        "providers: {x: {proxy: 'http://u:LITERAL@'}}",
        "providers: {x: {base_url: 'https://u:LITERAL@host'}}",
        "providers: {x: {headers: {a: \"LITERAL\\r\\n\"}}}",
        "providers: {x: {enabled: LITERAL, timeouts: {idle: LITERAL}, auth: LITERAL}}",
        "providers: {x: {api_key: '${LITERAL'}}",
        "providers: {x: {api_key: LITERAL, api_key: LITERAL}}",
        "providers: {x: {api_key: [LITERAL, LITERAL], tls: {verify: false}, base_url: bad}}",
        "keys: [{name: a, hash: LITERAL}]", "logging: {level: '${K}', access: '${K}'}",
        "failover: {hedge: {after: '${K}'}, retry_budget: '${K}'}", "LITERAL",
        "providers: {x: {api_key: LITERAL");
    std::string yaml = text;
    for (std::size_t at = yaml.find("LITERAL"); at != std::string::npos;
         at = yaml.find("LITERAL")) {
        yaml.replace(at, 7, secret);
    }
    for (const std::string& line : refuse(yaml, env)) {
        CAPTURE(line);
        CHECK(line.find("THE-SECRET") == std::string::npos);
    }
    const Settings settings =
        accept("providers: {x: {api_key: ['${K}', '${K}'], tls: {verify: false}}}", env);
    REQUIRE(settings.warnings.size() == 2);
    for (const std::string& line : lines_of(settings.warnings)) {
        CHECK(line.find("THE-SECRET") == std::string::npos);
    }
}
