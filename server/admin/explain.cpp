// POST /admin/v1/explain: what the router would do with a request now.
#include "router/explain.hpp"

#include "server/admin/admin.hpp"
#include "server/exchange.hpp"
#include "server/keys/run_time_keys.hpp"

#include <algorithm>

namespace tollgate::server::admin {
namespace {

/// Of the configuration, or made at run time.
Result<config::KeySettings> key_named(std::string_view name, const config::Settings& settings,
                                      const Services& services) {
    const auto key = std::ranges::find(settings.keys, name, &config::KeySettings::name);
    if (key != settings.keys.end()) {
        return *key;
    }
    if (services.keys != nullptr) {
        KeyResult<BookedKey> made = services.keys->find(name);
        if (made) {
            return std::move(made->spec.settings);
        }
        if (made.error().kind == KeyTrouble::Kind::storage) {
            return fail(FailureKind::overloaded, made.error().text);
        }
    }
    return fail_param("key", "There is no key of this name.");
}

}  // namespace

// The body is an OpenAI request, or an object with a prompt; for rules of the auto-router it may
// have `key` (a name), `tags` and `headers` as well.
Result<Answer> explain(const Request& request, const Services& services) {
    const Result<json::Document> object = request.object();
    if (!object) {
        return std::unexpected(object.error());
    }
    const router::SnapshotPtr snapshot = services.snapshot();
    const Result<router::Question> question = router::read_question(request.body, {});
    if (!question) {
        return std::unexpected(question.error());
    }
    const Result<adapters::Request> asked =
        adapters::Request::peek(adapters::Operation::chat, question->request(),
                                snapshot->settings().server.limits.json_depth);
    if (!asked) {
        return std::unexpected(asked.error());
    }
    const std::string key_name((*object)["key"].string());
    config::KeySettings key;
    if (!key_name.empty()) {
        Result<config::KeySettings> found = key_named(key_name, snapshot->settings(), services);
        if (!found) {
            return std::unexpected(std::move(found.error()));
        }
        key = std::move(*found);
    }
    std::vector<std::string> tags = key.tags;
    for (const json::Value tag : (*object)["tags"]) {
        tags.emplace_back(tag.string());
    }
    const json::Value headers = (*object)["headers"];
    const auto header = [&](std::string_view name) -> std::optional<std::string_view> {
        for (const json::Value one : headers) {
            if (same_name(one.key(), name)) {
                return one.string();
            }
        }
        return std::nullopt;
    };
    const auto now = failover::Clock::now();
    const router::Explanation explanation = router::explain(*snapshot, {.request = *asked,
                                                                        .model = asked->model,
                                                                        .allowed = &key.models,
                                                                        .key_name = key_name,
                                                                        .now = now,
                                                                        .tags = tags,
                                                                        .header = header});
    Answer answer;
    answer.body = to_json(*snapshot, explanation, now, question->id);
    return answer;
}

}  // namespace tollgate::server::admin
