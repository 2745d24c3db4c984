// The endpoints that the gateway answers by itself.
#include "adapters/client/chat_writer.hpp"
#include "adapters/codec/json.hpp"
#include "router/auto/choose_automatically.hpp"
#include "router/auto/decide.hpp"
#include "router/listing.hpp"
#include "router/provider_state.hpp"
#include "server/dispatch.hpp"
#include "server/list_fetch.hpp"
#include "server/worker.hpp"

#include <algorithm>

namespace tollgate::server {
namespace {

/// Beside OpenAI's fields: what the catalog knows.
void write_facts(json::Writer& writer, const catalog::Model& model) {
    if (!model.name.empty()) {
        writer.member("name", model.name);
    }
    if (model.context != 0) {
        writer.member_count("context_window", model.context);
    }
    if (model.max_output != 0) {
        writer.member_count("max_output_tokens", model.max_output);
    }
    writer.key("capabilities").begin_array();
    for (std::size_t i = 0; i < catalog::kCans; ++i) {
        if (model.can.has(static_cast<catalog::Can>(i))) {
            writer.string(to_string(static_cast<catalog::Can>(i)));
        }
    }
    writer.end_array();
    if (model.deprecated) {
        writer.key("deprecated").boolean(true);
    }
}

struct ListedModel {
    std::string_view id;    ///< "provider/model", an alias, or a name of the auto-router
    std::string_view bare;  ///< without the provider
    std::string_view owner;
    const catalog::Model* known = nullptr;  ///< null: nothing is known
};

/// Whether requests for it can be served at all.
bool is_served(const catalog::Model* known) noexcept {
    return known == nullptr || known->type == catalog::Type::chat ||
           known->type == catalog::Type::completion || known->type == catalog::Type::embedding;
}

/// Visits what may be asked for until `visit` says that this is it; false: it never did.
template <class Visit>
bool for_each_model(const router::Snapshot& snapshot, const ModelLists& lists, const Visit& visit) {
    for (const config::ModelAlias& alias : snapshot.settings().models) {
        if (visit(ListedModel{.id = alias.name, .bare = alias.name, .owner = "tollgate"})) {
            return true;
        }
    }
    for (const std::string_view name : router::kAutoNames) {
        if (router::goes_automatically(snapshot, name) &&
            visit(ListedModel{.id = name, .bare = name, .owner = "tollgate"})) {
            return true;
        }
    }
    std::string id;
    for (const router::Provider& provider : snapshot.providers()) {
        if (!provider.usable) {
            continue;
        }
        const std::shared_ptr<const ModelLists::Ids> live = lists.find(provider);
        for (const std::string_view bare : router::offered_models(provider, live.get())) {
            const catalog::Model* const known = provider.prices.find(bare);
            id = provider.settings.name;
            id.append("/").append(bare);
            if (is_served(known) &&
                visit(ListedModel{
                    .id = id, .bare = bare, .owner = provider.settings.name, .known = known})) {
                return true;
            }
        }
    }
    return false;
}

void write_model(json::Writer& writer, std::string_view id, const ListedModel& model,
                 std::int64_t created) {
    writer.begin_object()
        .member("id", id)
        .member("object", "model")
        .key("created")
        .integer(created);
    writer.member("owned_by", model.owner);
    if (model.known != nullptr) {
        write_facts(writer, *model.known);
    }
    writer.end_object();
}

// Providers, breakers and keys of what is configured now.
std::vector<metrics::LiveSample> live_samples(const router::Snapshot& snapshot,
                                              Clock::time_point now) {
    std::vector<metrics::LiveSample> out;
    const failover::BreakerOptions& options = snapshot.health_options().breaker;
    for (const router::Provider& provider : snapshot.providers()) {
        const router::ProviderState state =
            router::state_of(provider, snapshot.health_options(), now);
        out.push_back({.series = metrics::Series::provider_state,
                       .labels = {provider.settings.name},
                       .value = static_cast<double>(state)});
    }
    for (const router::Provider& provider : snapshot.providers()) {
        for (const auto& [model, record] : provider.records) {
            const failover::BreakerState state = record.live->health.breaker.state(now, options);
            out.push_back({.series = metrics::Series::breaker_state,
                           .labels = {provider.settings.name, model},
                           .value = static_cast<double>(state)});
        }
    }
    for (const router::Provider& provider : snapshot.providers()) {
        for (std::size_t i = 0; i < provider.key_live.size(); ++i) {
            const failover::Rest rest = provider.key_live[i]->health.rest(now);
            out.push_back({.series = metrics::Series::key_state,
                           .labels = {provider.settings.name, std::to_string(i + 1)},
                           .value = static_cast<double>(rest)});
        }
    }
    return out;
}

}  // namespace

void Dispatch::serve_models(std::string_view id) {
    refresh_model_lists(worker_, snapshot_);
    const std::int64_t created =
        std::chrono::duration_cast<std::chrono::seconds>(record_.wall.time_since_epoch()).count();
    const auto may_list = [this](std::string_view name) {
        return router::may_use(*snapshot_, name, allowed_models_, record_.started);
    };
    std::string body;
    json::Writer writer(body);
    if (id.empty()) {
        writer.begin_object().member("object", "list").key("data").begin_array();
    }
    const bool found =
        for_each_model(*snapshot_, worker_.shared().model_lists, [&](const ListedModel& model) {
            if (id.empty()) {
                if (may_list(model.id)) {
                    write_model(writer, model.id, model, created);
                }
                return false;
            }
            const bool is_it =
                (model.id == id || model.bare == id) && (may_list(model.id) || may_list(id));
            if (is_it) {
                write_model(writer, id, model, created);
            }
            return is_it;
        });
    if (id.empty()) {
        writer.end_array().end_object();
    } else if (!found) {
        refuse({.kind = FailureKind::unknown_model,
                .detail = "The model '" + std::string(id.substr(0, 200)) +
                          "' is not listed here; see GET /v1/models.",
                .param = "model"});
        return;
    }
    answer(200, "application/json", body);
}

void Dispatch::serve_live() {
    answer(200, "application/json", R"({"status":"ok"})");
}

// Trouble with the ledger is told; it makes the gateway unavailable only where it refuses requests.
// Anybody may ask, so of providers it tells how many have trouble and not which.
void Dispatch::serve_ready() {
    const bool is_up =
        worker_.shared().ready.load(std::memory_order_relaxed) && !worker_.draining();
    const ledger::Ledger* const ledger = worker_.shared().ledger;
    const bool is_well = ledger == nullptr || ledger->is_well();
    const bool refuses = ledger != nullptr && !ledger->is_writing() &&
                         snapshot_->settings().ledger.on_error == config::LedgerTrouble::refuse;
    const bool ready = is_up && !refuses;
    std::string body;
    json::Writer writer(body);
    writer.begin_object().member("status", ready ? "ok" : "unavailable");
    if (!is_well) {
        writer.member("ledger", "failing");
    }
    const router::Trouble trouble = router::trouble_of(*snapshot_, Reactor::now());
    if (trouble.unreachable > 0) {
        writer.member_count("providers_unreachable", trouble.unreachable);
    }
    if (trouble.cooling_down > 0) {
        writer.member_count("providers_cooling_down", trouble.cooling_down);
    }
    writer.end_object();
    answer(ready ? 200 : 503, "application/json", body);
}

void Dispatch::serve_metrics() {
    if (snapshot_->settings().metrics.listen && x_.listener != ListenerKind::metrics) {
        refuse({.kind = FailureKind::not_found,
                .detail = "Metrics have their own listener here (metrics.listen)."});
        return;
    }
    const metrics::Format format = metrics::negotiate(x_.head.find("accept"));
    const std::vector<metrics::LiveSample> live = live_samples(*snapshot_, Reactor::now());
    answer(200, metrics::content_type(format), worker_.shared().registry.exposition(format, live));
}

}  // namespace tollgate::server
