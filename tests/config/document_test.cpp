// docs/configuration.md, the README and the example file against the parser.
#include "tests/config/support.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

using namespace tollgate::config;
using Lines = std::vector<std::string>;

namespace {

std::string read_source(const std::string& name) {
    std::ifstream stream(std::string(TOLLGATE_SOURCE_DIR) + '/' + name);
    std::ostringstream content;
    content << stream.rdbuf();
    REQUIRE_FALSE(content.str().empty());
    return content.str();
}

/// One row of the tables: | `path` | default | values | meaning |
struct Row {
    std::string path;
    std::string given_default;  ///< what stands in backticks, empty for prose
};

std::string between_backticks(const std::string& cell) {
    const bool quoted = cell.size() > 2 && cell.starts_with('`') && cell.ends_with('`');
    return quoted ? cell.substr(1, cell.size() - 2) : std::string();
}

std::vector<Row> documented_rows() {
    std::istringstream lines(read_source("docs/configuration.md"));
    std::vector<Row> rows;
    bool in_sections = false;
    for (std::string line; std::getline(lines, line);) {
        in_sections = in_sections || line == "## server";
        if (!in_sections || !line.starts_with("| `")) {
            continue;
        }
        const std::size_t first = line.find(" | ");
        const std::size_t second = line.find(" |", first + 2);
        REQUIRE(second != std::string::npos);
        std::string cell =
            second > first + 3 ? line.substr(first + 3, second - first - 3) : std::string();
        rows.push_back(Row{.path = between_backticks(line.substr(2, first - 2)),
                           .given_default = between_backticks(cell)});
    }
    return rows;
}

Lines yaml_blocks(const std::string& document) {
    Lines blocks;
    for (std::size_t at = document.find("```yaml\n"); at != std::string::npos;
         at = document.find("```yaml\n", at)) {
        const std::size_t start = at + 8;
        at = document.find("```", start);
        blocks.push_back(document.substr(start, at - start));
    }
    return blocks;
}

/// A document in flow style with the setting at `path`, and what it needs beside it; without
/// `value` only the latter.
std::string document_with(std::string_view path, const std::string& value) {
    const std::size_t dot = path.find('.');
    std::string segment(path.substr(0, dot));
    const bool is_list = segment.ends_with("[]");
    if (is_list) {
        segment.resize(segment.size() - 2);
    } else if (segment.starts_with('<')) {
        segment = "x";
    }
    std::string beside;
    if (segment == "balance") {
        beside = "targets: [x/y]";
    } else if (segment == "per") {
        beside = "usd: 1";
    }
    std::string inner;
    if (dot == std::string_view::npos) {
        inner = value.empty() ? "" : segment + ": " + value;
    } else {
        std::string below = document_with(path.substr(dot + 1), value);
        if (is_list) {
            const std::string needs = segment == "keys" ? "name: a, hash: '" + test::kHash + "'"
                                                        : std::string("model: x/y");
            below = "[{" + needs + ", " + below + "}]";
        } else {
            below = "{" + below + "}";
        }
        inner = segment + ": " + below;
    }
    return beside.empty() || inner.empty() ? beside + inner : beside + ", " + inner;
}

}  // namespace

TEST_CASE("the document lists exactly the keys that the parser knows, in its order") {
    Lines documented;
    for (const Row& row : documented_rows()) {
        documented.push_back(row.path);
    }
    const Lines known = known_keys();
    for (const std::string& key : known) {
        INFO("not in docs/configuration.md: " << key);
        CHECK(std::ranges::find(documented, key) != documented.end());
    }
    CHECK(documented == known);
}

TEST_CASE("the defaults in the document are those of the parser") {
    const Environment env = test::environment({{"HOME", "/home/x"}});
    std::size_t checked = 0;
    for (const Row& row : documented_rows()) {
        if (row.given_default.empty() || row.given_default.starts_with('$')) {
            continue;
        }
        const bool is_list = row.given_default.starts_with('[');
        const std::string value = is_list ? row.given_default : '\'' + row.given_default + '\'';
        const std::string with = "{" + document_with(row.path, value) + "}";
        const std::string without = "{" + document_with(row.path, "") + "}";
        if (row.path == "server.listen") {
            CHECK(row.given_default == "[" + to_string(defaults(env).server.listen.at(0)) + "]");
            continue;
        }
        CAPTURE(with, without);
        const Settings a = test::accept(with, env);
        const Settings b = test::accept(without, env);
        CHECK(a.server == b.server);
        CHECK(a.providers == b.providers);
        CHECK(a.models == b.models);
        CHECK(a.router == b.router);
        CHECK(a.failover == b.failover);
        CHECK(a.keys == b.keys);
        CHECK(a.limits == b.limits);
        CHECK(a.budgets == b.budgets);
        CHECK(a.alerts == b.alerts);
        CHECK(a.admin == b.admin);
        CHECK(a.cost == b.cost);
        CHECK(a.metrics == b.metrics);
        CHECK(a.logging == b.logging);
        CHECK(a.ledger == b.ledger);
        CHECK(a.state_dir == b.state_dir);
        ++checked;
    }
    CHECK(checked >= 50);
}

TEST_CASE("every example of the document and the README is accepted") {
    for (const std::string name : {"docs/configuration.md", "README.md"}) {
        const Lines blocks = yaml_blocks(read_source(name));
        CHECK_FALSE(blocks.empty());
        for (const std::string& block : blocks) {
            CAPTURE(name);
            (void)test::accept(block);
        }
    }
}

TEST_CASE("the example file is accepted, with warnings only about keys that are not set") {
    const std::string text = read_source("deploy/tollgate.example.yaml");
    const Settings settings = test::accept(text);
    CHECK(settings.providers.size() >= 8);
    CHECK(settings.provider("flaky")->type == "demo");
    for (const Problem& warning : settings.warnings) {
        CHECK_THAT(warning.text, Catch::Contains("is not set"));
    }
    const Environment keys = [](std::string_view name) -> std::optional<std::string> {
        return name.ends_with("_API_KEY") ? std::optional<std::string>("k") : std::nullopt;
    };
    CHECK(test::accept(text, keys).warnings.empty());
}
