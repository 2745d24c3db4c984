#include "config/yaml.hpp"

#include "tests/config/support.hpp"

#include <random>
#include <string>

using namespace tollgate::config;
using test::accept;
using test::refuse;
using Lines = std::vector<std::string>;

TEST_CASE("positions count lines and columns from one") {
    const yaml::Document document = yaml::read("a: 1\nbc:\n  - x\n  - {d: y}\n", "t");
    REQUIRE(document.problems.empty());
    const yaml::Node& root = *document.root;
    REQUIRE(root.entries.size() == 2);
    CHECK(root.entries[0].value->at == Position{1, 4});
    CHECK(root.entries[1].at == Position{2, 1});
    CHECK(root.entries[1].value->items[0]->at == Position{3, 5});
    CHECK(root.entries[1].value->items[1]->entries[0].value->at == Position{4, 9});
}

TEST_CASE("a syntax error is one problem with its place") {
    CHECK(refuse("server: {listen: [\n") ==
          Lines{"t.yaml:2:1: YAML syntax: end of sequence flow not found"});
    CHECK(refuse("a: b: c\n") == Lines{"t.yaml:1:5: YAML syntax: illegal map value"});
    CHECK(refuse("a: *nowhere\n").size() == 1);
}

TEST_CASE("a key given twice is refused where it stands the second time, on every level") {
    CHECK(refuse("state_dir: /a\nserver: {threads: 1, threads: 2}\nstate_dir: /b\n") ==
          Lines{"t.yaml:2:22: server.threads: this key is given twice in the same mapping",
                "t.yaml:3:1: state_dir: this key is given twice in the same mapping"});
    CHECK(refuse("keys:\n  - {name: a, hash: '" + test::kHash + "'}\n  - {name: b, name: c}\n")
              .front() == "t.yaml:3:5: keys[1]: hash (or certificate_subject) is missing");
    CHECK(refuse("keys: [{name: b, hash: '" + test::kHash + "', limits: {rpm: 1, rpm: 2}}]")
              .front()
              .find("keys[0].limits.rpm: this key is given twice") != std::string::npos);
}

TEST_CASE("keys are texts") {
    CHECK(refuse("? [a]\n: 1\n") == Lines{"t.yaml:1:3: expected a plain text as key"});
    CHECK(refuse("~: 1\n") == Lines{"t.yaml:1:1: expected a plain text as key"});
}

TEST_CASE("one document, without tags of its own") {
    CHECK(
        refuse("state_dir: /a\n---\nstate_dir: /b\n").front().find("expected one YAML document") !=
        std::string::npos);
    CHECK(accept("---\nstate_dir: /a\n...\n").state_dir == "/a");
    CHECK(refuse("state_dir: !x /a\n") ==
          Lines{"t.yaml:1:12: YAML tags such as !custom are not supported"});
    CHECK(accept("state_dir: !!str /a\n").state_dir == "/a");
}

TEST_CASE("aliases stand for what their anchor names") {
    const Settings settings = accept(
        "providers:\n"
        "  a: {timeouts: &t {connect: 1s}}\n"
        "  b: {timeouts: *t}\n");
    CHECK(settings.providers[1].timeouts.connect == seconds(1));
}

TEST_CASE("merges fill in what a mapping does not say itself") {
    const Settings settings = accept(
        "providers:\n"
        "  a: &a {base_url: 'http://a', api_version: '1', project: p}\n"
        "  b: &b {base_url: 'http://b', location: l}\n"
        "  c: {<<: [*a, *b], api_version: '2'}\n");
    const ProviderSettings& c = settings.providers[2];
    CHECK(c.base_url == "http://a");
    CHECK(c.api_version == "2");
    CHECK(c.project == "p");
    CHECK(c.location == "l");
    CHECK(refuse("server: {<<: 5}") ==
          Lines{"t.yaml:1:14: <<: expected a mapping, or a list of mappings, to merge"});
}

TEST_CASE("an alias bomb is refused without being expanded") {
    std::string text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n";
    for (char c = 'b'; c <= 'z'; ++c) {
        text += std::string(1, c) + ": &" + c + " [";
        for (int i = 0; i < 10; ++i) {
            text += std::string(i == 0 ? "*" : ", *") + static_cast<char>(c - 1);
        }
        text += "]\n";
    }
    const Lines lines = refuse(text);
    CHECK_THAT(lines.front(), Catch::Contains("more than 500000 values, aliases expanded"));
}

TEST_CASE("an alias inside its own anchor is refused") {
    CHECK(refuse("server: &s {tls: *s}") ==
          Lines{"t.yaml:1:18: this alias refers to a value that it is itself a part of"});
}

TEST_CASE("depth is bounded, with and without aliases") {
    CHECK_THAT(refuse("a: " + std::string(40, '[') + std::string(40, ']')).front(),
               Catch::Contains("nested more than 32 levels deep"));
    std::string chain = "a0: &a0 [1]\n";
    for (int i = 1; i < 40; ++i) {
        chain += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" +
                 std::to_string(i - 1) + "]\n";
    }
    CHECK_THAT(refuse(chain).front(),
               Catch::Contains("nested more than 32 levels deep, aliases expanded"));
}

TEST_CASE("size is bounded") {
    CHECK(accept("# " + std::string(yaml::kMaxBytes - 2, 'x')).providers.empty());
    CHECK(refuse("# " + std::string(yaml::kMaxBytes - 1, 'x')) ==
          Lines{"t.yaml: larger than 4194304 bytes"});
}

TEST_CASE("only UTF-8 text without control characters is read") {
    struct Row {
        std::string text;
        std::string problem;
    };
    const auto row = GENERATE(values<Row>({
        {"a: \xff", "t.yaml:1:4: not UTF-8 text"},
        {"a: 1\nb: \xc3\xa9\xc3(", "t.yaml:2:5: not UTF-8 text"},
        {"a: \xc0\x80", "t.yaml:1:4: not UTF-8 text"},
        {"a: \xed\xa0\x80", "t.yaml:1:4: not UTF-8 text"},
        {"a: \xf4\x90\x80\x80", "t.yaml:1:4: not UTF-8 text"},
        {"a: \xe2\x82", "t.yaml:1:4: not UTF-8 text"},
        {std::string("a: \0", 4), "t.yaml:1:4: control character \\x00"},
        {"a: \x1b[0m", "t.yaml:1:4: control character \\x1b"},
        {std::string("\xff\xfe"
                     "a\0",
                     4),
         "t.yaml:1:1: not UTF-8 text"},
    }));
    CHECK(refuse(row.text) == Lines{row.problem});
}

TEST_CASE("a byte order mark and Windows line ends do no harm") {
    CHECK(accept("\xef\xbb\xbfstate_dir: /a\r\nlogging: {level: warn}\r\n").state_dir == "/a");
}

TEST_CASE("every prefix of a good file is read or refused, never worse") {
    const std::string text =
        "server: {listen: ['127.0.0.1:1', \"[::1]:2\"], threads: auto}\n"
        "providers:\n  default: x\n  x: &x\n    api_key: [${A}, 'b']\n    headers: {a: |\n      "
        "b}\n"
        "  y: {<<: *x, type: x}\nmodels: {m: [x/a, {model: y/b, weight: 2}]}\n";
    for (std::size_t i = 0; i <= text.size(); ++i) {
        const auto settings = parse(text.substr(0, i), "t.yaml", test::environment({{"A", "k"}}));
        CHECK((settings || !settings.error().empty()));
    }
}

TEST_CASE("garbage is refused without a crash") {
    std::mt19937 random(7);  // NOLINT: the same garbage on every run
    const std::string alphabet = "{}[]:,-?&*!|>'\"%@` \n\t#~<abc0$\\.";
    for (int round = 0; round < 3000; ++round) {
        std::string text;
        const std::size_t length = random() % 60;
        for (std::size_t i = 0; i < length; ++i) {
            text += round % 4 == 0 ? static_cast<char>(random() % 256)
                                   : alphabet[random() % alphabet.size()];
        }
        const auto settings = parse(text, "t.yaml", test::environment());
        CHECK((settings || !settings.error().empty()));
    }
}
