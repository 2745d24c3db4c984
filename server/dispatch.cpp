#include "server/dispatch.hpp"

#include "adapters/client/chat_writer.hpp"
#include "server/endpoints.hpp"
#include "server/ledger_entry.hpp"
#include "server/mirror.hpp"
#include "server/worker.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace tollgate::server {
namespace {

bool is_plain_id(std::string_view id) noexcept {
    return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](char c) {
        return c > 0x20 && c < 0x7f && c != '"' && c != '\\';
    });
}

std::string make_id(std::uint64_t high, std::uint64_t low) {
    std::array<char, 32> text;
    for (std::size_t i = 0; i < 16; ++i) {
        constexpr std::string_view kHex = "0123456789abcdef";
        text[i] = kHex[(high >> (60 - 4 * i)) & 15];
        text[16 + i] = kHex[(low >> (60 - 4 * i)) & 15];
    }
    return {text.data(), text.size()};
}

// What goes into a header value must not end the line or hide in it: clients and configurations
// choose these texts.
void add_safely(ResponseHead& head, std::string_view name, std::string_view value) {
    head.fields.append(name).append(": ");
    for (const char c : value.substr(0, 256)) {
        head.fields.push_back(c >= 0x20 && c < 0x7f ? c : '_');
    }
    head.fields.append("\r\n");
}

metrics::Outcome outcome_of(const Failure& failure) noexcept {
    if (failure.kind == FailureKind::client_gone) {
        return metrics::Outcome::client_gone;
    }
    switch (failover::policy(failure.kind).side) {
        case failover::FailureSide::client:
            return metrics::Outcome::client_error;
        case failover::FailureSide::upstream:
            return metrics::Outcome::upstream_error;
        case failover::FailureSide::gateway:
            break;
    }
    return metrics::Outcome::gateway_error;
}

}  // namespace

Dispatch::Dispatch(Exchange& exchange, Worker& worker)
    : x_(exchange),
      worker_(worker),
      snapshot_(worker.snapshot()),
      deadline_(worker.reactor(), exchange.interrupt),
      taken_(worker.callers()) {
    record_.started = Reactor::now();
    record_.wall = std::chrono::system_clock::now();
    worker_.shard().add_inflight(+1);
}

Dispatch::~Dispatch() {
    settle();  // where nothing has ended the answer: the client is gone, or an exception came
    record_.duration = Reactor::now() - record_.started;
    record_.upstream_wait = report_.waited;
    record_.bytes_out = report_.bytes_out;
    record_.attempts = static_cast<std::uint8_t>(std::min<unsigned>(attempts_, 255));
    if (report_.first_byte != Clock::time_point{}) {
        record_.first_byte = report_.first_byte - record_.started;
    }
    worker_.publish(record_, *snapshot_);
    worker_.shard().add_inflight(-1);  // last: nothing in flight means that everything is counted
}

// Once per exchange, before the client can see its end.  The order: what was used, what that costs,
// the record of it, the budgets it counts against.
void Dispatch::settle() {
    if (std::exchange(settled_, true)) {
        return;
    }
    outpace_hedge();  // what the other attempt has used is part of it
    complete_usage();
    record_.usage = *report_.usage;
    price_usage();
    write_ledger();
    settle_limits();
    stop_keep_alive();  // the last bytes are about to go out, and nothing may follow them
}

// The phases, in order; each comment says why it stands where it does.
Task<void> Dispatch::run() {
    identify();                // first: everything after it can be told apart in the log
    if (answer_preflight()) {  // before authentication: browsers send preflights without
                               // credentials
        co_return;
    }
    const Endpoint* const endpoint = find_endpoint(x_.head.path);
    if (endpoint == nullptr || !is_served_here(*endpoint)) {
        refuse({.kind = FailureKind::not_found,
                .detail = "There is nothing at " + std::string(x_.head.path.substr(0, 200)) +
                          ". The API is under /v1, for example POST /v1/chat/completions."});
        co_return;
    }
    record_.endpoint = endpoint->label;
    const bool head_for_get = x_.head.method == "HEAD" && endpoint->method == "GET";
    if (x_.head.method != endpoint->method && !head_for_get && endpoint->method != "*") {
        refuse({.kind = FailureKind::method_not_allowed,
                .detail = "Use " + std::string(endpoint->method) + " for " +
                          std::string(x_.head.path.substr(0, 200)) + "."});
        co_return;
    }
    if (!x_.shadow_model.empty()) {
        record_.endpoint = "shadow";
        record_.key_name = metrics::kShadowKeyName;
        record_.key_label = metrics::kShadowKey;
    } else if (!endpoint->is_public && !let_in()) {  // before the body: strangers cost no memory
        co_return;
    }
    switch (endpoint->action) {
        case Action::model:
            co_await serve_model(endpoint->operation);
            break;
        case Action::list_models:
            serve_models({});
            break;
        case Action::show_model:
            serve_models(percent_decoded(x_.head.path.substr(x_.head.path.find("/models/") + 8)));
            break;
        case Action::live:
            serve_live();
            break;
        case Action::ready:
            serve_ready();
            break;
        case Action::metrics:
            serve_metrics();
            break;
        case Action::admin:
            co_await serve_admin();
            break;
    }
}

// False: refused.
bool Dispatch::let_in() {
    const Result<void> known = authenticate();
    if (!known) {
        refuse(known.error());
    }
    return known.has_value();
}

// Each listener has its own part of the endpoints.
bool Dispatch::is_served_here(const Endpoint& endpoint) const noexcept {
    const config::AdminSettings& admin = snapshot_->settings().admin;
    if (endpoint.action == Action::admin) {
        return x_.listener == ListenerKind::admin ||
               (x_.listener == ListenerKind::api && !admin.listen && admin.enabled());
    }
    return endpoint.is_public || x_.listener == ListenerKind::api;
}

Task<void> Dispatch::serve_model(adapters::Operation operation) {
    request_.operation = operation;
    if (refuse_unwritten()) {
        co_return;
    }
    is_in_ledger_ = true;
    const bool ready = co_await receive();
    if (ready) {
        co_await run_attempts();  // connect … commit … relay
    }
}

// Up to the targets; what this needs on the way is gone when it returns.  False: refused.
Task<bool> Dispatch::receive() {
    Result<void> good = co_await read_body();
    if (good) {
        good = peek();  // one pass over the body; nothing is copied
    }
    if (good) {
        good = route();
    }
    if (good) {
        good = co_await take_limits();
    }
    if (good) {
        mirror_share();
    } else {
        refuse(good.error());
    }
    co_return good.has_value();
}

bool Dispatch::refuse_unwritten() {
    if (!may_not_be_written()) {
        return false;
    }
    Failure failure{.kind = FailureKind::overloaded,
                    .detail = "The ledger cannot be written now (ledger.on_error: refuse)."};
    failure.retry_after = std::chrono::seconds(1);
    refuse(failure);
    return true;
}

void Dispatch::identify() {
    const std::string_view id = x_.head.find("x-request-id");
    record_.request_id =
        is_plain_id(id) ? std::string(id) : make_id(worker_.random(), worker_.random());
    record_.method = x_.head.method;
    record_.path = x_.head.path;
    record_.client_address = x_.client;
}

bool Dispatch::answer_preflight() {
    if (x_.head.method != "OPTIONS" || x_.head.find("access-control-request-method").empty()) {
        return false;
    }
    const config::Cors& cors = snapshot_->settings().server.cors;
    ResponseHead head;
    head.status = 204;
    add_own_fields(head);
    if (head.fields.find("access-control-allow-origin") != std::string::npos) {
        head.add("access-control-allow-methods", "GET, POST, OPTIONS");
        const std::string_view asked = x_.head.find("access-control-request-headers");
        if (!cors.headers.empty()) {
            std::string list;
            for (const std::string& name : cors.headers) {
                list.append(list.empty() ? "" : ", ").append(name);
            }
            head.add("access-control-allow-headers", list);
        } else if (!asked.empty()) {
            add_safely(head, "access-control-allow-headers", asked);
        }
        head.add(
            "access-control-max-age",
            std::to_string(std::chrono::duration_cast<std::chrono::seconds>(cors.max_age).count()));
    }
    record_.status = head.status;
    x_.responder.start(std::move(head));
    static_cast<void>(x_.responder.write({}, true));
    return true;
}

Result<void> Dispatch::peek() {
    Result<adapters::Request> peeked = adapters::Request::peek(
        request_.operation, body_.view(), snapshot_->settings().server.limits.json_depth);
    if (!peeked) {
        return std::unexpected(std::move(peeked.error()));
    }
    request_ = std::move(*peeked);
    record_.requested_model = request_.model;
    record_.stream = request_.stream;
    record_.user = user_of(request_);
    add_tags(x_.head.find("x-tollgate-tags"), record_.tags);
    return {};
}

Result<void> Dispatch::route() {
    std::string_view model = x_.shadow_model.empty() ? request_.model : x_.shadow_model;
    if (const std::string_view wanted = x_.head.find("x-tollgate-provider"); !wanted.empty()) {
        if (snapshot_->provider(wanted) == nullptr) {
            return fail(FailureKind::bad_request,
                        "The provider '" + std::string(wanted.substr(0, 100)) +
                            "' of x-tollgate-provider is not configured.");
        }
        const bool named = model.starts_with(std::string(wanted) + "/");
        wanted_model_ = named ? std::string(model) : std::string(wanted) + "/" + std::string(model);
        model = wanted_model_;
    }
    Result<std::vector<std::string>> fallbacks = router::requested_fallbacks(request_);
    if (!fallbacks) {
        return std::unexpected(std::move(fallbacks.error()));
    }
    if (x_.shadow_model.empty()) {
        fallbacks_ = std::move(*fallbacks);
    }
    Result<router::Choice> choice = router::choose_able(*snapshot_, ask(model));
    if (!choice) {
        return std::unexpected(std::move(choice.error()));
    }
    choice_ = std::move(*choice);
    return {};
}

// Before the attempts: they let the body go.
void Dispatch::mirror_share() {
    const config::ModelAlias* const group = choice_.route.group;
    if (group != nullptr && group->shadow && x_.shadow_model.empty() &&
        worker_.uniform() < group->shadow->share) {
        mirror(worker_, x_, body_.view(), *group->shadow);
    }
}

router::Ask Dispatch::ask(std::string_view model) const {
    return {.request = request_,
            .model = model,
            .fallbacks = fallbacks_,
            .allowed = allowed_models_,
            .key_name = record_.key_name,
            .session = x_.head.find("x-tollgate-session"),
            .sticky = &worker_.shared().sticky,
            .random = worker_.random(),
            .now = record_.started,
            .tags = record_.tags,
            .header = [this](std::string_view name) {
                const std::string_view value = x_.head.find(name);
                return value.empty() ? std::nullopt : std::optional(value);
            }};
}

ResponseHead Dispatch::make_head(const upstream::CallHead& upstream, std::string_view content_type,
                                 std::optional<std::uint64_t> length) {
    outpace_hedge();
    ResponseHead head;
    head.status = static_cast<std::uint16_t>(upstream.status);
    head.content_length = length;
    head.fields.reserve(upstream.relayed.size() + (taken_.scopes.empty() ? 512 : 768));
    head.add("content-type", content_type);
    relay_fields(head, upstream.relayed);
    if (!upstream.has_date) {
        head.add("date", worker_.http_date());
    }
    if (request_.stream && !upstream.has_cache_control) {
        head.add("cache-control", "no-cache");
    }
    add_own_fields(head);
    record_.status = head.status;
    if (request_.stream) {
        let_request_go();
    }
    return head;
}

// What every answer carries.
void Dispatch::add_own_fields(ResponseHead& head) const {
    DecimalSpace space;
    head.add("x-request-id", record_.request_id);
    if (current_.provider != nullptr) {
        add_safely(head, "x-tollgate-provider", current_.provider->endpoint.provider);
        add_safely(head, "x-tollgate-model", current_.model);
        head.add("x-tollgate-attempts", decimal(attempts_, space));
        head.add("x-tollgate-route", choice_.why);
    }
    add_cost(head);
    const Clock::time_point now =
        report_.first_byte != Clock::time_point{} ? report_.first_byte : Reactor::now();
    add_limit_fields(head, now);
    const auto ours = now - record_.started - report_.waited;
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(ours).count();
    head.add("x-tollgate-overhead-us",
             decimal(static_cast<std::uint64_t>(std::max<std::int64_t>(micros, 0)), space));
    const config::Cors& cors = snapshot_->settings().server.cors;
    if (cors.origins.empty()) {
        return;
    }
    const std::string_view origin = x_.head.find("origin");
    const bool any = std::find(cors.origins.begin(), cors.origins.end(), "*") != cors.origins.end();
    if (!origin.empty() && (any || std::find(cors.origins.begin(), cors.origins.end(), origin) !=
                                       cors.origins.end())) {
        head.add("access-control-allow-origin", any ? std::string_view("*") : origin);
        head.add("access-control-expose-headers", "*");
        if (cors.credentials) {
            head.add("access-control-allow-credentials", "true");
        }
        if (!any) {
            head.add("vary", "origin");
        }
    }
}

void Dispatch::answer(std::uint16_t status, std::string_view content_type, std::string_view body) {
    ResponseHead head;
    head.status = status;
    head.content_length = body.size();
    head.add("content-type", content_type);
    head.add("date", worker_.http_date());
    add_own_fields(head);
    record_.status = status;
    x_.responder.start(std::move(head));
    report_.first_byte = Reactor::now();
    report_.bytes_out += body.size();
    static_cast<void>(x_.responder.write(std::span(&body, 1), true));
}

void Dispatch::note_failure(const Failure& failure) {
    record_.failure = failover::policy(failure.kind).name;
    record_.outcome = outcome_of(failure);
}

void Dispatch::refuse(const Failure& failure) {
    note_failure(failure);
    if (!server::is_final(x_.interrupt.cause())) {
        x_.interrupt.reset();  // a vendor's timeout must not keep the answer from being sent
    }
    if (failure.kind == FailureKind::client_gone) {
        record_.status = failure.client_status();
        settle();
        x_.responder.abort();  // nobody is left to tell
        return;
    }
    const std::string body = adapters::error_json(failure, record_.request_id);
    if (x_.responder.started()) {
        record_.outcome = metrics::Outcome::truncated;
        settle();
        if (request_.stream) {
            const std::string event = "data: " + body + "\n\n";
            const std::string_view piece = event;
            static_cast<void>(x_.responder.write(std::span(&piece, 1), false));
        }
        x_.responder.abort();  // never a clean end after trouble
        return;
    }
    record_.status = failure.client_status();
    settle();
    ResponseHead head;
    head.status = record_.status;
    head.content_length = body.size();
    head.add("content-type", "application/json");
    head.add("date", worker_.http_date());
    if (failure.retry_after) {
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(*failure.retry_after).count();
        head.add("retry-after", std::to_string(seconds));
        head.add("retry-after-ms", std::to_string(failure.retry_after->count()));
    }
    if (failure.kind == FailureKind::budget_exhausted) {
        head.add("x-should-retry", "false");  // what OpenAI's SDKs obey: money does not come back
    }
    if (failure.kind == FailureKind::method_not_allowed) {
        const Endpoint* const endpoint = find_endpoint(x_.head.path);
        const bool is_admin = endpoint != nullptr && endpoint->action == Action::admin;
        head.add("allow", is_admin ? admin::allowed_methods(x_.head.path)
                                   : std::string(endpoint != nullptr ? endpoint->method : "GET"));
    }
    add_own_fields(head);
    x_.responder.start(std::move(head));
    report_.first_byte = Reactor::now();
    report_.bytes_out += body.size();
    const std::string_view piece = body;
    static_cast<void>(x_.responder.write(std::span(&piece, 1), true));
}

}  // namespace tollgate::server
