// POST /admin/v1/explain: what the router would do with a request now.
#include "router/explain.hpp"

#include "server/admin/admin.hpp"
#include "server/exchange.hpp"

#include <algorithm>

namespace tollgate::server::admin {

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
    const auto& keys = snapshot->settings().keys;
    const auto key = std::ranges::find(keys, key_name, &config::KeySettings::name);
    if (!key_name.empty() && key == keys.end()) {
        return fail_param("key", "There is no key of this name in the configuration.");
    }
    std::vector<std::string> tags;
    if (key != keys.end()) {
        tags = key->tags;
    }
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
    const router::Explanation explanation =
        router::explain(*snapshot, {.request = *asked,
                                    .model = asked->model,
                                    .allowed = key == keys.end() ? nullptr : &key->models,
                                    .key_name = key_name,
                                    .now = now,
                                    .tags = tags,
                                    .header = header});
    Answer answer;
    answer.body = to_json(*snapshot, explanation, now, question->id);
    return answer;
}

}  // namespace tollgate::server::admin
