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

std::string_view state_of(const router::Provider& provider) noexcept {
    return provider.usable ? "ready" : "unusable";
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

Result<Answer> list_providers(const Request& /*request*/, const Services& services) {
    const router::SnapshotPtr snapshot = services.snapshot();
    Answer answer;
    json::Writer writer(answer.body);
    writer.begin_object().key("data").begin_array();
    for (const router::Provider& provider : snapshot->providers()) {
        writer.begin_object().member("name", provider.settings.name);
        writer.member("vendor", provider.vendor.name).member("state", state_of(provider));
        writer.member("problem", provider.problem).member("base_url", provider.endpoint.base_url);
        writer.member("default_model", provider.default_model).key("is_default");
        writer.boolean(&provider == snapshot->default_provider()).end_object();
    }
    writer.end_array().end_object();
    return answer;
}

}  // namespace tollgate::server::admin
