#include "server/alerts/sender.hpp"

#include "metrics/money.hpp"
#include "server/alerts/budget_text.hpp"
#include "server/upstream/h1_call.hpp"
#include "server/upstream/read_all.hpp"

#include <chrono>

namespace tollgate::server {
namespace {

constexpr std::size_t kMostWaiting = 256;
constexpr std::size_t kScratchBytes = 16 * 1024;
constexpr std::size_t kMostAnswer = 64 * 1024;
constexpr std::chrono::seconds kPatience{10};  // for one try
constexpr std::chrono::seconds kLastMoment{2};
// Between the tries; the last one is about ten minutes after the first.
constexpr std::array<std::chrono::milliseconds, 6> kWaits{
    std::chrono::milliseconds(500), std::chrono::seconds(2),   std::chrono::seconds(10),
    std::chrono::seconds(60),       std::chrono::seconds(180), std::chrono::seconds(360)};

// Path and query as written.
std::string target_of(std::string_view url) {
    const std::size_t host = url.find("://") + 3;
    const std::size_t path = url.find_first_of("/?", host);
    if (path == std::string_view::npos) {
        return "/";
    }
    return (url[path] == '?' ? "/" : "") + std::string(url.substr(path));
}

// Slack's hold a secret in their path.
std::string shown(std::string_view url) {
    const std::size_t host = url.find("://") + 3;
    return std::string(url.substr(0, url.find_first_of("/?", host)));
}

bool is_final(unsigned status) noexcept {
    return status >= 400 && status < 500 && status != 408 && status != 429;
}

}  // namespace

AlertSender::AlertSender(metrics::Logger& logger)
    : logger_(logger),
      scratch_(kScratchBytes),
      pool_(reactor_, *this),
      tasks_(reactor_,
             [this](std::string_view what) {
                 logger_.log(metrics::Level::error, "an alert ended in an exception",
                             {{"what", what}});
             }),
      ending_(reactor_, [](std::string_view) {}),
      thread_([this] { reactor_.run(); }) {}

AlertSender::~AlertSender() {
    stop();
}

void AlertSender::configure(const config::AlertSettings& settings) {
    const std::lock_guard lock(mutex_);
    settings_ = settings;
}

void AlertSender::raise(const router::Alert& alert) {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    const router::Budget::State state = alert.budget->state(now);
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < settings_.thresholds.size(); ++i) {
        if ((alert.passed >> i & 1) == 0) {
            continue;
        }
        const std::string body =
            alert_body(alert.scope->scope, alert.budget->per(), state, settings_.thresholds[i]);
        logger_.log(metrics::Level::warn, "a budget has reached a threshold",
                    {{"scope", to_string(alert.scope->scope.kind)},
                     {"name", alert.scope->scope.name},
                     {"per", router::to_string(alert.budget->per())},
                     {"percent", settings_.thresholds[i]},
                     {"spent_usd", metrics::to_decimal(state.spent)},
                     {"limit_usd", metrics::to_decimal(state.limit)}});
        for (const config::Secret& webhook : settings_.webhooks) {
            if (stopping_.load() || waiting_.fetch_add(1) >= kMostWaiting) {
                waiting_.fetch_sub(1);
                finish(AlertResult::dropped);
                continue;
            }
            reactor_.post_external(
                [this, delivery = Delivery{.url = std::string(webhook.reveal()), .body = body}] {
                    tasks_.spawn(deliver(delivery));
                });
        }
    }
}

Task<void> AlertSender::deliver(Delivery delivery) {
    Interrupt interrupt(reactor_);
    running_.insert(&interrupt);
    std::string problem;
    Answer answer = Answer::later;
    for (std::size_t tries = 0; answer == Answer::later; ++tries) {
        answer = co_await post(delivery, interrupt, problem);
        if (answer != Answer::later) {
            break;
        }
        if (tries == kWaits.size() || interrupt.cause() == Cause::shutdown || stopping_.load()) {
            break;
        }
        interrupt.reset();  // the try's own time
        const Wake wake = co_await reactor_.sleep_until(Reactor::now() + kWaits[tries], interrupt);
        if (wake == Wake::interrupted) {
            break;
        }
    }
    running_.erase(&interrupt);
    waiting_.fetch_sub(1);
    finish(answer == Answer::taken ? AlertResult::sent : AlertResult::failed);
    if (answer != Answer::taken) {
        logger_.log(metrics::Level::error, "a webhook has not taken an alert",
                    {{"webhook", shown(delivery.url)}, {"problem", problem}});
    }
}

Task<AlertSender::Answer> AlertSender::post(const Delivery& delivery, Interrupt& interrupt,
                                            std::string& problem) {
    const std::string_view address = delivery.url;
    Result<upstream::Url> url = upstream::parse_url(shown(address));
    if (!url) {
        problem = url.error().detail;
        co_return Answer::refused;
    }
    upstream::OriginSpec spec;
    spec.tls = url->tls;
    spec.host = url->host;
    spec.port = url->port;
    spec.server_name = url->host;
    upstream::Origin& origin = pool_.origin(spec.key(), spec, 0);
    adapters::UpstreamRequest request;
    request.method = "POST";
    request.target = target_of(address);
    request.headers.push_back({.name = "content-type", .value = "application/json"});
    request.headers.push_back({.name = "user-agent", .value = "tollgate/" TOLLGATE_VERSION});
    request.body.own(std::string(delivery.body));
    InterruptDeadline deadline(reactor_, interrupt);
    deadline.arm(Cause::total_timeout, Reactor::now() + kPatience);
    upstream::H1Call call(pool_, origin, scratch_);
    upstream::CallHead head;
    const Result<void> step = co_await upstream::reach_head(call, request, head, interrupt);
    if (!step) {
        problem = interrupt.cause() == Cause::total_timeout ? "no answer" : step.error().detail;
        co_return Answer::later;
    }
    problem = "it answered " + std::to_string(head.status);
    for (std::size_t read = 0; read < kMostAnswer;) {  // so that the connection can be kept
        const Result<std::string_view> bytes = co_await call.receive(interrupt);
        if (!bytes || bytes->empty()) {
            break;
        }
        read += bytes->size();
    }
    co_return head.status >= 200 && head.status < 300 ? Answer::taken
    : is_final(head.status)                           ? Answer::refused
                                                      : Answer::later;
}

void AlertSender::stop() {
    if (stopping_.exchange(true) || !thread_.joinable()) {
        return;
    }
    reactor_.post_external([this] { ending_.spawn(end()); });
    thread_.join();
}

Task<void> AlertSender::end() {
    Interrupt patience(reactor_);
    InterruptDeadline deadline(reactor_, patience);
    deadline.arm(Cause::elapsed, Reactor::now() + kLastMoment);
    const Wake wake = co_await tasks_.wait_empty(patience);
    if (wake == Wake::interrupted) {
        for (Interrupt* const interrupt : running_) {
            interrupt->fire(Cause::shutdown);
        }
        Interrupt never(reactor_);
        co_await tasks_.wait_empty(never);
    }
    reactor_.stop();
}

}  // namespace tollgate::server
