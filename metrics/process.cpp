#include "metrics/process.hpp"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <sys/time.h>
#include <system_error>
#include <unistd.h>

namespace tollgate::metrics {
namespace {

std::string read_file(const char* path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// The n-th (from 0) space-separated number of `text`; 0 when there is none.
std::uint64_t number_at(std::string_view text, std::size_t n) noexcept {
    for (; n > 0; --n) {
        const auto space = text.find(' ');
        if (space == std::string_view::npos) {
            return 0;
        }
        text.remove_prefix(space + 1);
    }
    std::uint64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

std::uint64_t count_open_fds() {
    std::error_code error;
    std::filesystem::directory_iterator entry("/proc/self/fd", error);
    std::uint64_t count = 0;
    while (!error && entry != std::filesystem::directory_iterator{}) {
        ++count;
        entry.increment(error);
    }
    return count > 0 ? count - 1 : 0;  // the listing itself needs one
}

/// proc(5): field 22 of /proc/self/stat is the start in clock ticks since boot; btime in /proc/stat
/// is the boot time.
double read_start_time() {
    const std::string stat = read_file("/proc/self/stat");
    // The second field is the program's name in parentheses and may hold spaces; the third starts
    // two bytes behind it.
    const auto name_end = stat.rfind(')');
    const std::string boot = read_file("/proc/stat");
    const auto btime = boot.find("\nbtime ");
    const long ticks = sysconf(_SC_CLK_TCK);
    if (name_end == std::string::npos || name_end + 2 > stat.size() || btime == std::string::npos ||
        ticks <= 0) {
        return 0;
    }
    const std::uint64_t started = number_at(std::string_view(stat).substr(name_end + 2), 22 - 3);
    const std::uint64_t booted = number_at(std::string_view(boot).substr(btime + 1), 1);
    return static_cast<double>(booted) + static_cast<double>(started) / static_cast<double>(ticks);
}

double seconds(const timeval& time) noexcept {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

ProcessUsage read_process_usage() {
    ProcessUsage usage;
    const long page = sysconf(_SC_PAGESIZE);
    usage.resident_bytes = number_at(read_file("/proc/self/statm"), 1) *
                           static_cast<std::uint64_t>(page > 0 ? page : 0);
    usage.open_fds = count_open_fds();
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        usage.max_fds = files.rlim_cur;
    }
    rusage used{};
    if (getrusage(RUSAGE_SELF, &used) == 0) {
        usage.cpu_seconds = seconds(used.ru_utime) + seconds(used.ru_stime);
    }
    usage.start_time_seconds = read_start_time();
    return usage;
}

}  // namespace tollgate::metrics
