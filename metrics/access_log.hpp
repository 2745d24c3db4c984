// One line per exchange.  Lines gather in the worker's own buffer and go to the log's thread in
// batches: no allocation, lock or wake-up per request.
#pragma once

#include "metrics/log.hpp"
#include "metrics/record.hpp"
#include "metrics/timestamp.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace tollgate::metrics {

/// Belongs to one worker; not for sharing.  The logger must outlive it.
class AccessLog {
public:
    static constexpr std::size_t kBatchBytes = 32 * 1024;

    explicit AccessLog(Logger& logger);
    ~AccessLog();  ///< flushes
    AccessLog(const AccessLog&) = delete;
    AccessLog& operator=(const AccessLog&) = delete;

    /// Appends the record's line; does nothing when access lines are off.  Flushes by itself only
    /// when the buffer is full, which does not happen when the worker heeds wants_flush().
    void write(const RequestRecord& record);
    /// True when a batch is worth handing over now; otherwise the worker flushes every 200 ms or
    /// so.
    [[nodiscard]] bool wants_flush() const noexcept { return used_ > kBatchBytes; }
    [[nodiscard]] bool empty() const noexcept { return used_ == 0; }
    void flush();

private:
    Logger& logger_;
    TimestampWriter clock_;
    std::unique_ptr<char[]> buffer_;
    std::size_t used_ = 0;
    std::uint32_t lines_ = 0;
};

}  // namespace tollgate::metrics
