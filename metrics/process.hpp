// What the kernel knows about this process, for the process_* series.
#pragma once

#include <cstdint>

namespace tollgate::metrics {

/// A number that could not be read is 0.
struct ProcessUsage {
    std::uint64_t resident_bytes = 0;
    std::uint64_t open_fds = 0;
    std::uint64_t max_fds = 0;
    double cpu_seconds = 0;         ///< user and system
    double start_time_seconds = 0;  ///< unix time
};

/// Reads /proc; a few system calls, more with many open descriptors.
[[nodiscard]] ProcessUsage read_process_usage();

}  // namespace tollgate::metrics
