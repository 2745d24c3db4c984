// What is configured, and reading it anew.
#include "server/admin/admin.hpp"

namespace tollgate::server::admin {
namespace {

void write_problems(json::Writer& writer, std::string_view name,
                    const std::vector<config::Problem>& problems) {
    writer.key(name).begin_array();
    for (const config::Problem& problem : problems) {
        writer.string(to_string(problem));
    }
    writer.end_array();
}

}  // namespace

Result<Answer> show_config(const Request& /*request*/, const Services& services) {
    const router::SnapshotPtr snapshot = services.snapshot();
    const config::Settings& settings = snapshot->settings();
    Answer answer;
    json::Writer writer(answer.body);
    writer.begin_object().member("file", settings.source.file);
    writer.key("settings").begin_object();
    for (const auto& [path, text] : settings.source.texts) {
        writer.member(path, text);
    }
    writer.end_object().member_count("keys", settings.keys.size());
    std::vector<config::Problem> warnings = settings.warnings;
    warnings.insert(warnings.end(), snapshot->warnings().begin(), snapshot->warnings().end());
    write_problems(writer, "warnings", warnings);
    writer.end_object();
    return answer;
}

Result<Answer> reload(const Request& /*request*/, const Services& services) {
    const std::vector<config::Problem> problems = services.reload();
    Answer answer;
    answer.status = problems.empty() ? 200 : 409;
    json::Writer writer(answer.body);
    writer.begin_object().key("applied").boolean(problems.empty());
    write_problems(writer, "problems", problems);
    writer.end_object();
    return answer;
}

}  // namespace tollgate::server::admin
