#include "metrics/log.hpp"

#include "metrics/line.hpp"
#include "metrics/log_file.hpp"
#include "metrics/timestamp.hpp"

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/sink.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <exception>
#include <mutex>
#include <pthread.h>
#include <utility>

namespace tollgate::metrics {
namespace {

constexpr std::array<std::string_view, 5> kLevels{"debug", "info", "warn", "error", "off"};

std::uint32_t count_lines(std::string_view text) noexcept {
    std::uint32_t lines = 0;  // find() looks at many bytes at once, std::count only at -O3
    for (auto end = text.find('\n'); end != text.npos; end = text.find('\n', end + 1)) {
        ++lines;
    }
    return lines;
}

/// Writes finished lines.  Each message carries the number of lines queued before it (modulo 2^32,
/// in the place of a source line, which nothing else uses), so that a gap tells exactly how many
/// the full queue pushed out. Called on the log's thread only, except for dropped() and reopen().
class LineSink final : public spdlog::sinks::sink {
public:
    LineSink(LogFile file, std::function<void(std::string_view)> capture)
        : file_(std::move(file)), capture_(std::move(capture)) {}

    void log(const spdlog::details::log_msg& message) override {
        const std::string_view text(message.payload.data(), message.payload.size());
        const std::uint32_t lines = count_lines(text);
        const auto before = static_cast<std::uint32_t>(message.source.line);
        std::uint64_t lost = before - expected_;
        expected_ = before + lines;
        if (reopen_.exchange(false, std::memory_order_relaxed)) {
            file_.reopen();
        }
        if (capture_) {
            capture_(text);
        } else if (!file_.write(text)) {
            lost += lines;
        }
        dropped_.fetch_add(lost, std::memory_order_relaxed);
    }
    void flush() override {}
    void set_pattern(const std::string&) override {}
    void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

    void reopen() noexcept { reopen_.store(true, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t dropped() const noexcept {
        return dropped_.load(std::memory_order_relaxed);
    }

private:
    LogFile file_;
    std::function<void(std::string_view)> capture_;
    std::uint32_t expected_ = 0;
    std::atomic<bool> reopen_{false};
    std::atomic<std::uint64_t> dropped_{0};
};

/// Signals are for the main thread; a closed pipe must be an error of write(), not the end of the
/// process.
void block_signals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

std::string_view to_string(Level level) noexcept {
    const auto index = static_cast<std::size_t>(level);
    return index < kLevels.size() ? kLevels[index] : "unknown";
}

std::optional<Level> parse_level(std::string_view name) noexcept {
    const auto found = std::ranges::find(kLevels, name);
    if (found == kLevels.end()) {
        return std::nullopt;
    }
    return static_cast<Level>(found - kLevels.begin());
}

struct Logger::Backend {
    Backend(LogFile file, const LogOptions& options)
        : sink(std::make_shared<LineSink>(std::move(file), options.capture)),
          pool(std::make_shared<spdlog::details::thread_pool>(
              std::max<std::size_t>(options.queue, 1), 1, block_signals)),
          logger(std::make_shared<spdlog::async_logger>(
              "tollgate", sink, pool, spdlog::async_overflow_policy::overrun_oldest)) {
        logger->set_level(spdlog::level::trace);
    }
    // The pool first: its end joins the log's thread once the queue is written, so that the sink
    // and the logger end on this thread and not on that one.
    ~Backend() { pool.reset(); }
    Backend(const Backend&) = delete;
    Backend& operator=(const Backend&) = delete;

    std::shared_ptr<LineSink> sink;
    std::shared_ptr<spdlog::details::thread_pool> pool;
    std::shared_ptr<spdlog::async_logger> logger;
    std::mutex mutex;  // queue order must be that of `queued`; taken once per event or batch
    std::uint32_t queued = 0;  // lines so far, modulo 2^32
};

std::expected<std::unique_ptr<Logger>, std::string> Logger::open(LogOptions options) {
    std::unique_ptr<Backend> backend;
    if (options.level != Level::off || options.access) {
        auto file = LogFile::open(options.capture ? "stderr" : options.destination);
        if (!file) {
            return std::unexpected(std::move(file.error()));
        }
        try {
            backend = std::make_unique<Backend>(std::move(*file), options);
        } catch (const std::exception& error) {
            return std::unexpected(std::string("cannot start the log's thread: ") + error.what());
        }
    }
    return std::unique_ptr<Logger>(new Logger(options, std::move(backend)));
}

Logger::Logger(const LogOptions& options, std::unique_ptr<Backend> backend)
    : level_(options.level),
      format_(options.format),
      access_(options.access),
      backend_(std::move(backend)) {}

Logger::~Logger() = default;

void Logger::log(Level level, std::string_view event, std::initializer_list<Field> fields) {
    if (!backend_ || !enabled(level)) {
        return;
    }
    std::array<char, kMaxLineBytes> memory;
    TimestampWriter clock;
    LineWriter line(memory, format_);
    line.text("ts", clock.write(std::chrono::system_clock::now()));
    line.text("level", to_string(level));
    line.text("event", event);
    for (const Field& field : fields) {
        std::visit(
            [&](auto value) {
                if constexpr (std::same_as<decltype(value), std::string_view>) {
                    line.text(field.name, value);
                } else if constexpr (std::same_as<decltype(value), bool>) {
                    line.boolean(field.name, value);
                } else {
                    line.number(field.name, value);
                }
            },
            field.value);
    }
    const std::size_t length = line.finish();
    write({memory.data(), length}, 1);
}

void Logger::write(std::string_view text, std::uint32_t lines) {
    if (!backend_ || text.empty()) {
        return;
    }
    const std::lock_guard lock(backend_->mutex);
    spdlog::source_loc place;
    place.line = static_cast<int>(backend_->queued);
    backend_->queued += lines;
    backend_->logger->log(place, spdlog::level::info,
                          spdlog::string_view_t(text.data(), text.size()));
}

std::uint64_t Logger::dropped_lines() const noexcept {
    return backend_ ? backend_->sink->dropped() : 0;
}

void Logger::reopen() noexcept {
    if (backend_) {
        backend_->sink->reopen();
    }
}

}  // namespace tollgate::metrics
