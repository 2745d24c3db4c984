// docs/metrics.md and the table in names.hpp say the same.
#include "metrics/names.hpp"
#include "metrics/shard.hpp"
#include "metrics/vocabulary.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

using namespace tollgate::metrics;

namespace {

std::string row_of(const Metric& row) {
    std::string labels;
    std::string_view rest = row.labels;
    while (!rest.empty()) {
        const auto comma = std::min(rest.find(','), rest.size());
        labels += (labels.empty() ? "`" : ", `") + std::string(rest.substr(0, comma)) + '`';
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    const auto cell = [](std::string_view text) { return std::string(text.empty() ? "—" : text); };
    return "| `" + std::string(row.name) + "` | " + std::string(to_string(row.kind)) + " | " +
           cell(row.unit) + " | " + cell(labels) + " | " + std::string(row.bound) + " | " +
           std::string(row.help) + " |";
}

}  // namespace

TEST_CASE("docs/metrics.md lists every series as the table has it") {
    std::ifstream file(TOLLGATE_SOURCE_DIR "/docs/metrics.md");
    REQUIRE(file);
    std::vector<std::string> documented;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("| `tollgate_") || line.starts_with("| `process_")) {
            documented.push_back(line);
        }
    }
    std::vector<std::string> expected;
    for (const Metric& row : kMetrics) {
        expected.push_back(row_of(row));
    }
    REQUIRE(documented.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        CHECK(documented[i] == expected[i]);
    }
}

TEST_CASE("the bounds that the table names are those of the code") {
    const auto says = [](Series series, const std::string& words) {
        return metric(series).bound.find(words) != std::string_view::npos;
    };
    CHECK(says(Series::requests, std::to_string(kEndpoints.size()) + " endpoints"));
    CHECK(says(Series::requests, std::to_string(kStatuses.size()) + " statuses"));
    CHECK(says(Series::requests, std::to_string(kOutcomes) + " outcomes"));
    CHECK(says(Series::attacks, std::to_string(kAttacks.size()) + " kinds"));
    CHECK(says(Series::tokens, std::to_string(kTokenKinds.size()) + " kinds"));
    CHECK(says(Series::tokens, std::to_string(kTokenSources.size()) + " sources"));
    CHECK(says(Series::client_connections, std::to_string(kClientProtocols.size()) + " protocols"));
    CHECK(says(Series::upstream_connections, std::to_string(kUpstreamStates.size()) + " states"));
    // `waited` has its own metric.
    CHECK(says(Series::upstream_pool_events, std::to_string(kPoolEvents.size() - 1) + " events"));
}
