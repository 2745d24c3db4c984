#include "server/cli/usage.hpp"

#include "config/parse.hpp"
#include "metrics/ledger/report.hpp"
#include "server/usage_query.hpp"

#include <chrono>
#include <cstdio>

namespace tollgate::server::cli {
namespace {

std::int64_t now() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

}  // namespace

int usage(const ConfigSource& source, const Options& options) {
    const auto fail = [](std::string_view text) {
        std::fprintf(stderr, "tollgate: %.*s\n", static_cast<int>(text.size()), text.data());
        return 1;
    };
    const auto asked = read_usage({.by = options.by,
                                   .since = options.since,
                                   .until = options.until,
                                   .format = options.json ? "json" : options.format},
                                  now());
    if (!asked) {
        return fail(asked.error());
    }
    config::Settings settings = config::defaults(source.environment);
    if (source.path) {
        auto parsed = config::parse_file(*source.path, source.environment);
        if (!parsed) {
            return fail(to_string(parsed.error().front()));
        }
        settings = std::move(*parsed);
    }
    const std::string path = config::ledger_path(settings);
    const auto report = ledger::report(path, asked->query);
    if (!report) {
        return fail("cannot read the ledger " + path + ": " + report.error().text);
    }
    std::fputs(ledger::render(*report, asked->format).c_str(), stdout);
    if (const auto rows = ledger::rows_in_journal(path, settings.state_dir + "/journal");
        rows && *rows > 0) {
        std::fprintf(
            stderr,
            "tollgate: %llu requests are in the journal only; a gateway imports them while "
            "it runs\n",
            static_cast<unsigned long long>(*rows));
    }
    return 0;
}

}  // namespace tollgate::server::cli
