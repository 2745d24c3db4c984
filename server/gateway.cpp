#include "server/gateway.hpp"

#include "failover/failure.hpp"
#include "metrics/registry.hpp"
#include "server/alerts/sender.hpp"
#include "server/keys/directory.hpp"
#include "server/keys/run_time_keys.hpp"
#include "server/keys/spent_reader.hpp"
#include "server/listen.hpp"
#include "server/worker.hpp"

#include <array>
#include <csignal>
#include <cstdio>
#include <malloc.h>
#include <mutex>
#include <pthread.h>
#include <random>
#include <sched.h>
#include <semaphore>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <thread>
#include <unistd.h>

namespace tollgate::server {
namespace {

using config::Problem;

constexpr std::size_t kMostAdminWaiting = 64;

router::WallTime wall_now() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

unsigned usable_cores() {
    cpu_set_t set;
    CPU_ZERO(&set);
    return ::sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<unsigned>(CPU_COUNT(&set))
                                                         : 1U;
}

// Two descriptors per exchange: take what the system allows.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

metrics::LogOptions log_options(const config::LoggingSettings& settings) {
    metrics::LogOptions options;
    switch (settings.level) {
        case config::LogLevel::trace:
        case config::LogLevel::debug:
            options.level = metrics::Level::debug;
            break;
        case config::LogLevel::info:
            options.level = metrics::Level::info;
            break;
        case config::LogLevel::warn:
            options.level = metrics::Level::warn;
            break;
        case config::LogLevel::error:
            options.level = metrics::Level::error;
            break;
        case config::LogLevel::off:
            options.level = metrics::Level::off;
            break;
    }
    options.format = settings.format == config::LogFormat::json ? metrics::LogFormat::json
                                                                : metrics::LogFormat::text;
    options.access = settings.access;
    return options;
}

metrics::RegistryOptions registry_options(const config::Settings& settings, metrics::Logger& logger,
                                          std::function<metrics::LimitFigures()> limits) {
    metrics::RegistryOptions options;
    options.limits = std::move(limits);
    options.version = TOLLGATE_VERSION;
    for (std::size_t kind = 0; kind < failover::kFailureKinds; ++kind) {
        options.shard.attempt_outcomes.emplace_back(
            failover::policy(static_cast<FailureKind>(kind)).name);
    }
    options.shard.attempt_outcomes.emplace_back("outpaced");  // Dispatch::kOutpaced
    if (!settings.metrics.buckets.empty()) {
        options.shard.buckets.duration = settings.metrics.buckets;
    }
    options.log_lines_dropped = [&logger] { return logger.dropped_lines(); };
    options.litellm_names = settings.metrics.compat == config::MetricsCompat::litellm;
    return options;
}

ledger::LedgerOptions ledger_options(const config::Settings& settings) {
    const auto seconds = [](config::milliseconds span) {
        return std::chrono::duration_cast<std::chrono::seconds>(span).count();
    };
    const config::LedgerSettings& from = settings.ledger;
    ledger::LedgerOptions options;
    options.journal.directory = settings.state_dir + "/journal";
    options.importer.path = config::ledger_path(settings);
    options.importer.durability = from.fsync == config::LedgerSync::interval
                                      ? ledger::Durability::machine
                                      : ledger::Durability::process;
    options.importer.max_backlog = from.max_backlog;
    options.importer.retention_s = seconds(from.retention);
    options.importer.hourly_retention_s = seconds(from.hourly_retention);
    return options;
}

void report(metrics::Logger& logger, metrics::Level level, std::string_view event,
            const std::vector<Problem>& problems) {
    for (const Problem& problem : problems) {
        logger.log(level, event, {{"problem", to_string(problem)}});
    }
}

/// The running process.
class Gateway {
public:
    Gateway(const ConfigSource& source, Loaded loaded, std::unique_ptr<metrics::Logger> logger)
        : source_(source),
          loaded_(std::move(loaded)),
          snapshot_(loaded_.snapshot),
          logger_(std::move(logger)),
          registry_(
              registry_options(snapshot_->settings(), *logger_, [this] { return figures(); })),
          shared_{.registry = registry_,
                  .logger = *logger_,
                  .admin = admin_services(),
                  .side_thread = &side_thread_,
                  .throttle = router::AuthThrottle(std::random_device{}()),
                  .alert = [this](const router::Alert& alert) { alerts_.raise(alert); }} {
        alerts_.configure(snapshot_->settings().alerts);
        registry_.set_vocabulary(snapshot_->shared_vocabulary());
    }

    /// False, with the reason logged, when an address cannot be listened on.
    [[nodiscard]] bool start();
    /// Handles signals until it is time to stop, then stops.
    void run(int signals);

private:
    [[nodiscard]] bool listen(const config::ListenAddress& address, ListenerKind kind);
    /// One TLS context for each worker; nulls where there is no TLS.
    [[nodiscard]] std::expected<std::vector<std::shared_ptr<TlsServerContext>>,
                                std::vector<Problem>>
    make_tls(const Loaded& loaded) const;
    /// From any thread.  The problems of a configuration that is not taken over.
    std::vector<Problem> reload();
    [[nodiscard]] router::SnapshotPtr snapshot() const {
        const std::lock_guard lock(snapshot_mutex_);
        return snapshot_;
    }
    [[nodiscard]] admin::Services admin_services();
    [[nodiscard]] bool open_ledger(unsigned workers);
    void read_keys();
    void publish(const router::CallerTablePtr& callers);
    [[nodiscard]] metrics::LimitFigures figures();

    const ConfigSource& source_;
    std::mutex reload_mutex_;  // one reload at a time: a signal's, or the admin API's
    mutable std::mutex snapshot_mutex_;
    Loaded loaded_;  // what the last reload read; its snapshot is the next member
    router::SnapshotPtr snapshot_;
    std::unique_ptr<metrics::Logger> logger_;
    metrics::Registry registry_;
    SpentReader spent_{*logger_};
    router::LocalLimits limits_{wall_now, [this](const auto& scope, auto per, const auto& window) {
                                    return spent_.find(scope, per, window);
                                }};
    KeyDirectory keys_{limits_};
    RunTimeKeys run_time_keys_{keys_, spent_, *logger_};
    AlertSender alerts_{*logger_};
    Shared shared_;
    std::unique_ptr<ledger::Ledger> ledger_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::vector<std::jthread> threads_;
    SideThread side_thread_{kMostAdminWaiting};  // its jobs end before the workers do
};

admin::Services Gateway::admin_services() {
    admin::Services services;
    services.snapshot = [this] { return snapshot(); };
    services.reload = [this] { return reload(); };
    services.keys = &run_time_keys_;
    return services;
}

bool Gateway::listen(const config::ListenAddress& address, ListenerKind kind) {
    const bool is_tcp = address.unix_path.empty();
    // Metrics and administration need one queue only, and a UNIX socket can only have one.
    const bool alone = workers_.size() == 1 || kind != ListenerKind::api || !is_tcp;
    auto first = open_listener(address, PortSharing::exclusive);
    if (!first) {
        logger_->log(metrics::Level::error, "cannot start", {{"problem", first.error()}});
        return false;
    }
    config::ListenAddress bound = address;
    if (is_tcp) {
        bound.port = bound_port(*first);
    }
    constexpr std::array<std::string_view, 3> kEvents{"listening", "listening for metrics",
                                                      "listening for administration"};
    logger_->log(metrics::Level::info, kEvents[static_cast<std::size_t>(kind)],
                 {{"address", to_string(bound)}});
    const bool may_secure = kind == ListenerKind::api && is_tcp && !address.plain;
    if (alone) {
        workers_.front()->listen(*first, kind, may_secure);
        for (std::size_t i = 1; i < workers_.size() && !is_tcp; ++i) {
            workers_[i]->listen(::dup(*first), kind);  // they take turns at the one queue
        }
        return true;
    }
    ::close(*first);  // it showed that the port is free; now for one queue per worker
    for (const std::unique_ptr<Worker>& worker : workers_) {
        auto shared = open_listener(bound, PortSharing::shared);
        if (!shared) {
            logger_->log(metrics::Level::error, "cannot start", {{"problem", shared.error()}});
            return false;
        }
        worker->listen(*shared, kind, may_secure);
    }
    return true;
}

std::expected<std::vector<std::shared_ptr<TlsServerContext>>, std::vector<Problem>>
Gateway::make_tls(const Loaded& loaded) const {
    std::vector<std::shared_ptr<TlsServerContext>> contexts(workers_.size());
    for (std::shared_ptr<TlsServerContext>& context : contexts) {
        TlsFindings findings;
        if (loaded.tls) {
            context = TlsServerContext::make(*loaded.tls, findings);
        }
        if (!findings.problems.empty()) {
            const TlsRemark& first = findings.problems.front();
            return std::unexpected(std::vector<Problem>{
                loaded.snapshot->settings().source.problem(first.place, first.text)});
        }
    }
    return contexts;
}

bool Gateway::open_ledger(unsigned workers) {
    const config::Settings& settings = snapshot_->settings();
    if (!settings.ledger.enabled) {
        return true;
    }
    if (settings.state_dir.starts_with('~')) {
        const bool must = settings.ledger.on_error == config::LedgerTrouble::refuse;
        logger_->log(must ? metrics::Level::error : metrics::Level::warn,
                     must ? "cannot start" : "there is no ledger",
                     {{"problem", "HOME is not set, so state_dir must name a directory"}});
        return !must;
    }
    ledger_ = std::make_unique<ledger::Ledger>(ledger_options(settings), workers, *logger_);
    shared_.ledger = ledger_.get();
    registry_.watch_ledger([this] { return ledger_->figures(); });
    return true;
}

// Budgets go on where the last process ended, as far as there is a ledger.
void Gateway::read_keys() {
    const config::Settings& settings = snapshot_->settings();
    const bool has_home = !settings.state_dir.starts_with('~');
    if (settings.ledger.enabled && has_home) {
        spent_.use(config::ledger_path(settings), settings.state_dir + "/journal");
    }
    const bool has_file = has_home || !settings.keys_file.empty();
    static_cast<void>(
        run_time_keys_.begin(settings, has_file ? config::keys_path(settings) : std::string()));
}

metrics::LimitFigures Gateway::figures() {
    metrics::LimitFigures figures = keys_.figures(shared_.rejections);
    for (std::size_t i = 0; i < kAlertResults.size(); ++i) {
        figures.alerts.emplace_back(kAlertResults[i], alerts_.count(static_cast<AlertResult>(i)));
    }
    return figures;
}

// When it returns no worker begins an exchange with an earlier table.
void Gateway::publish(const router::CallerTablePtr& callers) {
    constexpr std::chrono::seconds kPatience{5};  // a worker that has ended does not answer
    const auto done = std::make_shared<std::counting_semaphore<>>(0);
    for (const std::unique_ptr<Worker>& worker : workers_) {
        worker->adopt(callers, [done] { done->release(); });
    }
    const auto until = std::chrono::steady_clock::now() + kPatience;
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        if (!done->try_acquire_until(until)) {
            return;
        }
    }
}

bool Gateway::start() {
    const config::Settings& settings = snapshot_->settings();
    const unsigned threads =
        settings.server.threads != 0 ? settings.server.threads : usable_cores();
    read_keys();
    if (!open_ledger(threads)) {
        return false;
    }
    for (unsigned i = 0; i < threads; ++i) {
        workers_.push_back(std::make_unique<Worker>(shared_, registry_.add_shard(), snapshot_,
                                                    ledger_ ? &ledger_->lane(i) : nullptr));
        workers_.back()->use_callers(keys_.table());
    }
    auto tls = make_tls(loaded_);
    if (!tls) {
        report(*logger_, metrics::Level::error, "cannot start", tls.error());
        return false;
    }
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        workers_[i]->use_tls((*tls)[i]);
    }
    for (const config::ListenAddress& address : settings.server.listen) {
        if (!listen(address, ListenerKind::api)) {
            return false;
        }
    }
    if (settings.metrics.listen && !listen(*settings.metrics.listen, ListenerKind::metrics)) {
        return false;
    }
    if (settings.admin.listen && !listen(*settings.admin.listen, ListenerKind::admin)) {
        return false;
    }
    report(*logger_, metrics::Level::warn, "configuration warning", loaded_.warnings);
    std::string names;
    for (const router::Provider& provider : snapshot_->providers()) {
        if (provider.usable) {
            names.append(names.empty() ? "" : ",").append(provider.settings.name);
        }
    }
    logger_->log(metrics::Level::info, "started",
                 {{"version", TOLLGATE_VERSION},
                  {"config", source_.path.value_or("none")},
                  {"workers", threads},
                  {"providers", names}});
    for (const std::unique_ptr<Worker>& worker : workers_) {
        threads_.emplace_back([&worker] { worker->run(); });
    }
    run_time_keys_.watch([this](const router::CallerTablePtr& callers) { publish(callers); });
    shared_.ready.store(!names.empty(), std::memory_order_relaxed);
    return true;
}

void Gateway::run(int signals) {
    bool stopping = false;
    std::chrono::milliseconds grace{0};
    while (!stopping) {
        signalfd_siginfo info{};
        if (::read(signals, &info, sizeof info) != sizeof info) {
            continue;
        }
        if (info.ssi_signo == SIGHUP) {
            logger_->reopen();
            static_cast<void>(reload());  // what is wrong is in the log
        } else {
            stopping = true;
            grace = snapshot()->settings().server.timeouts.drain;  // as last reloaded
            logger_->log(metrics::Level::info, "stopping",
                         {{"signal", info.ssi_signo}, {"grace_ms", grace.count()}});
        }
    }
    shared_.ready.store(false, std::memory_order_relaxed);
    for (const std::unique_ptr<Worker>& worker : workers_) {
        worker->drain(grace);
    }
    // A second signal ends the grace time.
    std::jthread impatient([&](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            signalfd_siginfo info{};
            timespec wait{.tv_sec = 0, .tv_nsec = 50'000'000};
            fd_set set;
            FD_ZERO(&set);
            FD_SET(signals, &set);
            if (::pselect(signals + 1, &set, nullptr, nullptr, &wait, nullptr) == 1 &&
                ::read(signals, &info, sizeof info) == sizeof info && info.ssi_signo != SIGHUP) {
                for (const std::unique_ptr<Worker>& worker : workers_) {
                    worker->cut();
                }
            }
        }
    });
    run_time_keys_.request_stop();  // nobody takes a table when the workers have ended
    threads_.clear();               // joins
    run_time_keys_.stop();
    alerts_.stop();
    registry_.watch_ledger(nullptr);
    shared_.ledger = nullptr;
    logger_->log(metrics::Level::info, "stopped");
}

std::vector<Problem> Gateway::reload() {
    const std::lock_guard one_at_a_time(reload_mutex_);
    auto next = load(source_, &loaded_);
    std::expected<std::vector<std::shared_ptr<TlsServerContext>>, std::vector<Problem>> tls;
    if (next) {
        tls = make_tls(*next);
    }
    registry_.count_reload(next && tls);
    if (!next || !tls) {
        const std::vector<Problem>& problems = next ? tls.error() : next.error();
        report(*logger_, metrics::Level::error, "configuration rejected, the running one stays",
               problems);
        return problems;
    }
    loaded_ = std::move(*next);
    {
        const std::lock_guard lock(snapshot_mutex_);
        snapshot_ = loaded_.snapshot;
    }
    registry_.set_vocabulary(snapshot_->shared_vocabulary());
    run_time_keys_.configure(snapshot_->settings());
    alerts_.configure(snapshot_->settings().alerts);
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        workers_[i]->adopt(snapshot_, (*tls)[i]);
    }
    report(*logger_, metrics::Level::warn, "configuration warning", loaded_.warnings);
    logger_->log(metrics::Level::info, "configuration reloaded");
    return {};
}

}  // namespace

int serve(const ConfigSource& source) {
    // Before any thread: they inherit the mask, and signals are read here.
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGHUP);
    ::pthread_sigmask(SIG_BLOCK, &mask, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes is an error code, as a full disk is
    const int signals = ::signalfd(-1, &mask, SFD_CLOEXEC);
    raise_descriptor_limit();
    // Bodies of some hundred KiB come and go with each request: giving their pages back and taking
    // them again each time costs more than reading them.  Workers give them back seconds later.
    ::mallopt(M_MMAP_THRESHOLD, 4 * 1024 * 1024);
    ::mallopt(M_TRIM_THRESHOLD, 16 * 1024 * 1024);
    ::mallopt(M_ARENA_MAX, 4);  // idle arenas hold memory; workers allocate little at the same time

    auto loaded = load(source, nullptr);
    if (!loaded) {
        for (const Problem& problem : loaded.error()) {
            std::fprintf(stderr, "tollgate: %s\n", to_string(problem).c_str());
        }
        return 1;
    }
    auto logger = metrics::Logger::open(log_options(loaded->snapshot->settings().logging));
    if (!logger) {
        std::fprintf(stderr, "tollgate: %s\n", logger.error().c_str());
        return 1;
    }
    Gateway gateway(source, std::move(*loaded), std::move(*logger));
    if (!gateway.start()) {
        return 1;
    }
    gateway.run(signals);
    ::close(signals);
    return 0;
}

}  // namespace tollgate::server
