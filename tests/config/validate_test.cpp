#include "config/validate.hpp"

#include "tests/config/support.hpp"

using namespace tollgate::config;
using test::accept;
using test::lines_of;
using test::refuse;
using Lines = std::vector<std::string>;

namespace {

const std::string kKey = "keys: [{name: a, hash: '" + test::kHash + "'}]\n";

}  // namespace

TEST_CASE("the defaults pass every rule") {
    const Findings findings = validate(Settings{});
    CHECK(findings.problems.empty());
    CHECK(findings.warnings.empty());
}

TEST_CASE("cross-field rules name the place and what to do") {
    struct Row {
        std::string yaml;
        std::string expected;
    };
    const auto row = GENERATE(values<Row>({
        {"server: {listen: []}", "t.yaml:1:10: server.listen: at least one address is needed"},
        {"server: {listen: ['127.0.0.1:1', 'localhost:1']}",
         "t.yaml:1:34: server.listen[1]: 127.0.0.1:1 is listed twice"},
        {"server: {listen: '127.0.0.1:1'}\nmetrics: {listen: '127.0.0.1:1'}",
         "t.yaml:2:19: metrics.listen: 127.0.0.1:1 is listed twice"},
        {"server: {tls: {cert: /c}}", "t.yaml:1:10: server.tls: cert is given without key"},
        {"server: {tls: {key: /k}}", "t.yaml:1:10: server.tls: key is given without cert"},
        {"server: {tls: {self_signed: true, certificates: [{cert: /c, key: /k}]}}",
         "t.yaml:1:29: server.tls.self_signed: give either self_signed: true or cert and key"},
        {"server: {tls: {cert: /c, key: /k, certificates: [{cert: /d, key: /e}]}}",
         "t.yaml:1:35: server.tls.certificates: give either cert and key, or certificates"},
        {"server: {tls: {certificates: [{cert: /c}]}}",
         "t.yaml:1:31: server.tls.certificates[0]: cert is given without key"},
        {"server: {tls: {certificates: [{}]}}",
         "t.yaml:1:31: server.tls.certificates[0]: cert and key are missing"},
        {"server: {tls: {ocsp: /o}}", "t.yaml:1:22: server.tls.ocsp: is given without cert"},
        {"server: {tls: {self_signed: true, client_auth: required}}",
         "t.yaml:1:48: server.tls.client_auth: needs client_ca: the authorities that count"},
        {"server: {tls: {client_ca: /a, client_auth: required}}",
         "t.yaml:1:44: server.tls.client_auth: needs cert and key: there is no TLS without them"},
        {"keys: [{name: a, certificate_subject: CN=a}]",
         "t.yaml:1:39: keys[0].certificate_subject: clients are not asked for certificates; set "
         "server.tls.client_auth"},
        {"server: {tls: {self_signed: true, client_ca: /a, client_auth: optional}}\n"
         "keys: [{name: a, certificate_subject: CN=a}, {name: b, certificate_subject: CN=a}]",
         "t.yaml:2:77: keys[1].certificate_subject: this is the subject of an earlier key"},
        {"server: {listen: 'http://0.0.0.0:1', tls: {self_signed: true, client_ca: /a, "
         "client_auth: required}}",
         "t.yaml:1:18: server.listen[0]: 0.0.0.0:1 can be reached from other machines, but no keys "
         "are configured; add keys, set server.require_keys: true, listen on 127.0.0.1, or set "
         "server.allow_unauthenticated: true"},
        {"server: {tls: {key: /k, cert: /c, self_signed: true}}",
         "t.yaml:1:48: server.tls.self_signed: give either self_signed: true or cert and key"},
        {"server: {cors: {origins: ['*'], credentials: true}}",
         "t.yaml:1:46: server.cors.credentials: browsers refuse credentials for origin \"*\"; list "
         "the origins"},
        {"providers: {default: b, a: {}}",
         "t.yaml:1:22: providers.default: b is not among the providers below"},
        {"providers: {default: a, a: {enabled: false}}",
         "t.yaml:1:22: providers.default: a is switched off (enabled: false)"},
        {"providers: {a: {tls: {client_cert: /c}}}",
         "t.yaml:1:17: providers.a.tls: client_cert is given without client_key"},
        {"models: {a: b, b: [x/y, c], c: {balance: cost, targets: [a]}}",
         "t.yaml:1:13: models.a: this alias leads back to itself: a → b → c → a"},
        {"models: {a: [a]}", "t.yaml:1:10: models.a: this alias leads back to itself: a → a"},
        {"models: {auto: x/y}",
         "t.yaml:1:16: models.auto: names that start with auto belong to the auto-router"},
        {"models: {auto/x: x/y}",
         "t.yaml:1:18: models.auto/x: names that start with auto belong to the auto-router"},
        {"models: {a: {targets: [{model: x/y, weight: 0}]}}",
         "t.yaml:1:10: models.a: every target has weight 0"},
        {"keys: [{name: a, hash: '" + test::kHash +
             "'}, {name: a, hash: 'sha256:" + std::string(64, 'b') + "'}]",
         "t.yaml:1:107: keys[1].name: a is the name of an earlier key"},
        {"keys: [{name: a, hash: '" + test::kHash + "'}, {name: b, hash: '" + test::kHash + "'}]",
         "t.yaml:1:116: keys[1].hash: this is the hash of an earlier key"},
        {"failover: {backoff: {base: 2s, max: 1s}}",
         "t.yaml:1:37: failover.backoff.max: is shorter than base"},
        {"metrics: {buckets: [1, 1]}",
         "t.yaml:1:11: metrics.buckets: the bounds must rise from one to the next"},
        {"metrics: {buckets: [2, 1]}",
         "t.yaml:1:11: metrics.buckets: the bounds must rise from one to the next"},
    }));
    CAPTURE(row.yaml);
    CHECK(refuse(row.yaml) == Lines{row.expected});
}

TEST_CASE("what belongs together is asked for") {
    struct Row {
        std::string yaml;
        std::string expected;
    };
    const auto row = GENERATE(values<Row>({
        {"models: {a: }",
         "t.yaml:1:10: models.a: expected at least one target, such as [openai/gpt-4o] or "
         "{chain: [openai/gpt-4o]}"},
        {"models: {a: []}",
         "t.yaml:1:10: models.a: expected at least one target, such as [openai/gpt-4o] or "
         "{chain: [openai/gpt-4o]}"},
        {"models: {a: {balance: cost}}", "t.yaml:1:13: models.a: balance needs targets"},
        {"models: {a: {chain: [x/y], targets: [x/z]}}",
         "t.yaml:1:37: models.a.targets: give either chain or targets, not both"},
        {"models: {a: {chain: [x/y], balance: cost}}",
         "t.yaml:1:13: models.a: balance needs targets"},
        {"models: {a: [{weight: 2}]}", "t.yaml:1:14: models.a[0]: model is missing"},
        {"models: {a: ['']}",
         "t.yaml:1:14: models.a[0]: expected provider/model such as openai/gpt-4o, or an alias, "
         "got \"\""},
        {"keys: [{name: a}]", "t.yaml:1:8: keys[0]: hash (or certificate_subject) is missing"},
        {"keys: [{hash: '" + test::kHash + "'}]", "t.yaml:1:8: keys[0]: name is missing"},
        {"keys: [{name: '${X:-}', hash: '" + test::kHash + "'}]",
         "t.yaml:1:8: keys[0]: name is missing"},
        {"keys: [{name: a, hash: '" + test::kHash + "', budget: {per: day}}]",
         "t.yaml:1:107: keys[0].budget: usd is missing"},
    }));
    CAPTURE(row.yaml);
    CHECK(refuse(row.yaml) == Lines{row.expected});
}

TEST_CASE("without keys only loopback is served, unless that is asked for") {
    const auto address = GENERATE(as<std::string>(), "0.0.0.0:4000", "[::]:4000", "10.1.2.3:4000");
    const std::string server = "server: {listen: ['" + address + "'";
    const Lines lines = refuse(server + "]}");
    REQUIRE(lines.size() == 1);
    CHECK_THAT(lines[0], Catch::StartsWith(
                             "t.yaml:1:19: server.listen[0]: " + address +
                             " can be reached from other machines, but no keys are configured"));
    CHECK(accept(kKey + server + "]}").warnings.empty());
    CHECK(accept(server + "], allow_unauthenticated: true}").warnings.empty());
    CHECK(accept(kKey + server + "], allow_unauthenticated: true}").warnings.size() == 1);
}

TEST_CASE("port 0 may be listed more than once") {
    CHECK(accept("server: {listen: ['127.0.0.1:0', '127.0.0.1:0']}").server.listen.size() == 2);
    const std::string mutual =
        "tls: {self_signed: true, client_ca: /a, client_auth: required}, listen: ";
    CHECK_FALSE(accept("server: {" + mutual + "'0.0.0.0:1'}").server.listen[0].plain);
    CHECK(accept("server: {" + mutual + "'http://127.0.0.1:1'}").server.listen[0].plain);
    CHECK(accept("server: {" + mutual +
                 "'http://127.0.0.1:1'}\n"
                 "keys: [{name: a, certificate_subject: CN=a}]")
              .keys.size() == 1);
}

TEST_CASE("aliases may meet again without being a cycle, in chains of any length") {
    CHECK(accept("models: {a: [b, c], b: d, c: d, d: x/y}").models.size() == 4);
    std::string text = "models:\n";
    for (int i = 0; i < 20000; ++i) {
        text += "  m" + std::to_string(i) + ": m" + std::to_string(i + 1) + "\n";
    }
    CHECK(accept(text).models.size() == 20000);
    CHECK_THAT(refuse(text + "  m20000: m5\n").front(),
               Catch::Contains("models.m5: this alias leads back to itself: m5 → m6") &&
                   Catch::Contains("… → m5"));
}

TEST_CASE("what works but may not be meant is a warning") {
    CHECK(lines_of(accept(R"(providers:
  a: {tls: {verify: false}, timeouts: {total: 1s}}
  b: {aws: {access_key_id: x}}
  off: {enabled: false, tls: {verify: false}}
models: {a/m: b/m}
logging: {content: true}
)")
                       .warnings) ==
          Lines{
              "t.yaml:2:21: providers.a.tls.verify: certificates are not checked: anyone on the "
              "way can read keys and prompts",
              "t.yaml:2:47: providers.a.timeouts.total: is shorter than connect or first_byte, "
              "which then never apply",
              "t.yaml:3:7: providers.b.aws: access_key_id and secret_access_key only work together",
              "t.yaml:5:15: models.a/m: hides a model of the provider with that name",
              "t.yaml:6:20: logging.content: prompts and answers are written to the log",
          });
}

TEST_CASE("a rule does not repeat what a wrong value already says") {
    CHECK(refuse("server: {listen: [x]}").size() == 1);
    CHECK(refuse("server: {tls: {cert: [a], key: /k}}").size() == 1);
    CHECK(refuse("metrics: {buckets: [1, x, 1]}").size() == 1);
}
