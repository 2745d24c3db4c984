#include "metrics/access_log.hpp"

#include "metrics/line.hpp"

#include <algorithm>
#include <chrono>
#include <span>
#include <string_view>

namespace tollgate::metrics {
namespace {

// Longest kept part of each text, in bytes.  Escaping makes a byte six at worst, so a line of the
// longest texts, all of them hostile, still fits into kMaxLineBytes: 6 * 1080 bytes, plus about 750
// for names, numbers and punctuation.
constexpr std::size_t kPathBytes = 256;
constexpr std::size_t kIdBytes = 128;
constexpr std::size_t kModelBytes = 128;  // twice
constexpr std::size_t kNameBytes = 64;    // client, method, endpoint, provider, key, failure
static_assert(6 * (kPathBytes + kIdBytes + 2 * kModelBytes + 6 * kNameBytes) + 750 < kMaxLineBytes);

constexpr std::size_t kBufferBytes = AccessLog::kBatchBytes + kMaxLineBytes;

Level level_of(Outcome outcome) noexcept {
    switch (outcome) {
        case Outcome::upstream_error:
        case Outcome::truncated:
            return Level::warn;
        case Outcome::gateway_error:
            return Level::error;
        case Outcome::ok:
        case Outcome::client_error:
        case Outcome::client_gone:
            break;
    }
    return Level::info;
}

/// A query string may hold secrets (`?key=`) or prompt text.
std::string_view without_query(std::string_view path) noexcept {
    return path.substr(0, path.find_first_of("?#"));
}

void write_identity(LineWriter& line, const RequestRecord& record) noexcept {
    line.text("request_id", record.request_id, kIdBytes);
    line.text("client", record.client_address, kNameBytes);
    line.text("method", record.method, kNameBytes);
    line.text("path", without_query(record.path), kPathBytes);
    line.text("endpoint", record.endpoint, kNameBytes);
    if (!record.requested_model.empty()) {
        line.text("model_requested", record.requested_model, kModelBytes);
    }
    if (!record.model.empty()) {
        line.text("model", record.model, kModelBytes);
    }
    if (!record.provider.empty()) {
        line.text("provider", record.provider, kNameBytes);
    }
    if (!record.key_name.empty()) {
        line.text("key", record.key_name, kNameBytes);
    }
}

void write_usage(LineWriter& line, const RequestRecord& record) noexcept {
    const Usage& usage = record.usage;
    line.number("input_tokens",
                usage.input + usage.audio_input + usage.image_input + usage.video_input);
    line.number("output_tokens",
                usage.output + usage.audio_output + usage.image_output + usage.citation);
    line.number("cache_read_tokens", usage.cache_read_total());
    line.number("cache_write_tokens", usage.cache_write_total());
    line.number("reasoning_tokens", usage.reasoning);
    line.text("usage",
              usage.reported        ? "vendor"
              : usage.tokens() != 0 ? "estimate"
                                    : "none",
              kNameBytes);
    if (record.pricing == Pricing::priced || record.pricing == Pricing::free) {
        DecimalText space;
        line.text("cost_usd", write_decimal(record.cost, kPicoDigits, space), kNameBytes);
    } else if (record.pricing == Pricing::unpriced) {
        line.text("cost_usd", "unpriced", kNameBytes);
    }
}

}  // namespace

AccessLog::AccessLog(Logger& logger) : logger_(logger) {
    if (logger.access()) {
        // Not value-initialised: pages that no line reached cost no memory.
        buffer_ = std::make_unique_for_overwrite<char[]>(kBufferBytes);
    }
}

AccessLog::~AccessLog() {
    flush();
}

void AccessLog::write(const RequestRecord& record) {
    if (!buffer_) {
        return;
    }
    if (kBufferBytes - used_ < kMaxLineBytes) {
        flush();
    }
    LineWriter line(std::span(buffer_.get() + used_, kMaxLineBytes), logger_.format());
    using WallDuration = std::chrono::system_clock::duration;
    const auto took = std::chrono::duration_cast<WallDuration>(record.duration);
    line.text("ts", clock_.write(record.wall + took));
    line.text("level", to_string(level_of(record.outcome)));
    line.text("event", "access");
    write_identity(line, record);
    line.number("attempts", std::uint64_t{record.attempts});
    line.number("status", std::uint64_t{record.status});
    line.text("outcome", to_string(record.outcome));
    if (!record.failure.empty()) {
        line.text("failure", record.failure, kNameBytes);
    }
    line.boolean("stream", record.stream);
    write_usage(line, record);
    line.number("bytes_in", record.bytes_in);
    line.number("bytes_out", record.bytes_out);
    line.thousandths("duration_ms", nanoseconds(record.duration) / 1000);
    if (record.first_byte > Clock::duration::zero()) {
        line.thousandths("ttft_ms", nanoseconds(record.first_byte) / 1000);
    }
    line.thousandths("overhead_us", nanoseconds(record.duration - record.upstream_wait));
    used_ += line.finish();
    ++lines_;
}

void AccessLog::flush() {
    if (used_ == 0) {
        return;
    }
    logger_.write({buffer_.get(), used_}, lines_);
    used_ = 0;
    lines_ = 0;
}

}  // namespace tollgate::metrics
