// Event lines of the process: structured, bounded, written by one background thread (spdlog, hidden
// behind this header). Access lines have their own path, see access_log.hpp.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace tollgate::metrics {

enum class Level : std::uint8_t { debug, info, warn, error, off };
[[nodiscard]] std::string_view to_string(Level level) noexcept;
/// From the configuration's word ("debug", "info", "warn", "error", "off").
[[nodiscard]] std::optional<Level> parse_level(std::string_view name) noexcept;

enum class LogFormat : std::uint8_t { json, text };

struct LogOptions {
    Level level = Level::info;
    LogFormat format = LogFormat::json;
    bool access = true;                  ///< write access lines
    std::string destination = "stderr";  ///< "stderr", "stdout" or a file to append to
    /// Messages (events or access batches) waiting for the destination; beyond that the oldest is
    /// dropped and counted. 512 messages hold at most about 20 MiB, and 0.2 MiB while nothing
    /// waits.
    std::size_t queue = 512;
    /// Replaces the destination: gets whole lines, on the log's thread.  For tests.
    std::function<void(std::string_view)> capture = nullptr;
};

/// No line is longer than this, its newline included; what does not fit is cut and marked.
inline constexpr std::size_t kMaxLineBytes = 8192;

/// One `name: value` of an event line.  The views must live until log() returns.
struct Field {
    using Value = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;

    Field(std::string_view field, std::string_view text) : name(field), value(text) {}
    Field(std::string_view field, const std::string& text)
        : name(field), value(std::string_view(text)) {}
    Field(std::string_view field, const char* text) : name(field), value(std::string_view(text)) {}
    Field(std::string_view field, double number) : name(field), value(number) {}
    template <std::integral Number>
    Field(std::string_view field, Number number) : name(field), value(widen(number)) {}

    std::string_view name;
    Value value;

private:
    template <class Number>
    static Value widen(Number number) {
        if constexpr (std::same_as<Number, bool>) {
            return number;
        } else if constexpr (std::signed_integral<Number>) {
            return static_cast<std::int64_t>(number);
        } else {
            return static_cast<std::uint64_t>(number);
        }
    }
};

/// The process's log; built once and passed down by reference.  Every method may be called from any
/// thread. Its destruction writes what is queued; users of it (AccessLog) must be gone by then.
class Logger {
public:
    /// Fails with a sentence when the file cannot be opened.
    [[nodiscard]] static std::expected<std::unique_ptr<Logger>, std::string> open(
        LogOptions options);
    ~Logger();
    Logger(const Logger&) = delete;
    Logger& operator=(const Logger&) = delete;

    /// One line: time, level, event, fields.  `event` is a short fixed sentence or token; data goes
    /// into fields. Control characters, invalid UTF-8 and quotes are escaped, so a value cannot
    /// forge a line or a field.
    void log(Level level, std::string_view event, std::initializer_list<Field> fields = {});
    [[nodiscard]] bool enabled(Level level) const noexcept {
        return level >= level_.load(std::memory_order_relaxed) && level != Level::off;
    }
    void set_level(Level level) noexcept { level_.store(level, std::memory_order_relaxed); }

    [[nodiscard]] LogFormat format() const noexcept { return format_; }
    [[nodiscard]] bool access() const noexcept { return access_; }
    /// Queues finished lines as one message.  `lines` is their number, each ending in a newline.
    void write(std::string_view text, std::uint32_t lines);
    /// Lines lost so far: pushed out of the full queue, or refused by the destination.
    [[nodiscard]] std::uint64_t dropped_lines() const noexcept;
    /// Opens the log file again before the next line (after logrotate moved it); no effect on
    /// stderr and stdout.
    void reopen() noexcept;

private:
    struct Backend;
    Logger(const LogOptions& options, std::unique_ptr<Backend> backend);

    std::atomic<Level> level_;
    LogFormat format_;
    bool access_;
    std::unique_ptr<Backend> backend_;
};

/// A URL that may be logged: without user and password, and without query values except harmless
/// known ones.
[[nodiscard]] std::string redact_url(std::string_view url);

}  // namespace tollgate::metrics
