#include "server/cli/check.hpp"

#include "adapters/codec/json.hpp"

#include <cstdio>

namespace tollgate::server::cli {
namespace {

using config::Problem;

void write_problems(json::Writer& writer, std::string_view name,
                    const std::vector<Problem>& problems) {
    writer.key(name).begin_array();
    for (const Problem& problem : problems) {
        writer.begin_object()
            .member("file", problem.file)
            .member_count("line", problem.line)
            .member_count("column", problem.column);
        writer.member("path", problem.path).member("text", problem.text).end_object();
    }
    writer.end_array();
}

}  // namespace

int check(const ConfigSource& source, bool json) {
    const auto loaded = load(source, nullptr);
    const std::vector<Problem> problems = loaded ? std::vector<Problem>() : loaded.error();
    const std::vector<Problem> warnings = loaded ? loaded->warnings : std::vector<Problem>();
    if (json) {
        std::string out;
        json::Writer writer(out);
        writer.begin_object().key("ok").boolean(problems.empty());
        write_problems(writer, "problems", problems);
        write_problems(writer, "warnings", warnings);
        writer.end_object();
        std::puts(out.c_str());
        return problems.empty() ? 0 : 1;
    }
    for (const Problem& problem : problems) {
        std::printf("error: %s\n", to_string(problem).c_str());
    }
    for (const Problem& warning : warnings) {
        std::printf("warning: %s\n", to_string(warning).c_str());
    }
    if (problems.empty()) {
        std::printf("%s: ok, %zu providers, %zu warnings\n",
                    source.path ? source.path->c_str() : "no configuration file",
                    loaded->snapshot->providers().size(), warnings.size());
    }
    return problems.empty() ? 0 : 1;
}

}  // namespace tollgate::server::cli
