// The endpoints that the gateway answers by itself.
#include "adapters/client/chat_writer.hpp"
#include "adapters/codec/json.hpp"
#include "server/dispatch.hpp"
#include "server/worker.hpp"

namespace tollgate::server {
namespace {

void write_model(json::Writer& writer, const router::ListedModel& model, std::int64_t created) {
    writer.begin_object()
        .member("id", model.id)
        .member("object", "model")
        .key("created")
        .integer(created);
    writer.member("owned_by", model.owner).end_object();
}

}  // namespace

void Dispatch::serve_models(std::string_view id) {
    const std::int64_t created =
        std::chrono::duration_cast<std::chrono::seconds>(record_.wall.time_since_epoch()).count();
    std::string body;
    json::Writer writer(body);
    if (!id.empty()) {
        for (const router::ListedModel& model : snapshot_->models()) {
            if (model.id == id || model.id.ends_with("/" + std::string(id))) {
                write_model(writer, {.id = std::string(id), .owner = model.owner}, created);
                answer(200, "application/json", body);
                return;
            }
        }
        refuse({.kind = FailureKind::unknown_model,
                .detail = "The model '" + std::string(id.substr(0, 200)) +
                          "' is not listed here; see GET /v1/models.",
                .param = "model"});
        return;
    }
    writer.begin_object().member("object", "list").key("data").begin_array();
    for (const router::ListedModel& model : snapshot_->models()) {
        write_model(writer, model, created);
    }
    writer.end_array().end_object();
    answer(200, "application/json", body);
}

void Dispatch::serve_health(bool ready) {
    answer(ready ? 200 : 503, "application/json",
           ready ? R"({"status":"ok"})" : R"({"status":"unavailable"})");
}

void Dispatch::serve_metrics() {
    if (snapshot_->settings().metrics.listen && x_.listener != ListenerKind::metrics) {
        refuse({.kind = FailureKind::not_found,
                .detail = "Metrics have their own listener here (metrics.listen)."});
        return;
    }
    const metrics::Format format = metrics::negotiate(x_.head.find("accept"));
    answer(200, metrics::content_type(format), worker_.shared().registry.exposition(format));
}

}  // namespace tollgate::server
