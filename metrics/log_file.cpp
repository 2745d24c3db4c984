#include "metrics/log_file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace tollgate::metrics {
namespace {

constexpr int kPatienceMilliseconds = 1000;

int open_for_append(const std::string& path) noexcept {
    // Log lines name models, keys and addresses: not for other users of the machine.
    return ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

bool wait_writable(int descriptor) noexcept {
    pollfd waiting{.fd = descriptor, .events = POLLOUT, .revents = 0};
    return ::poll(&waiting, 1, kPatienceMilliseconds) > 0;
}

}  // namespace

std::expected<LogFile, std::string> LogFile::open(const std::string& destination) {
    if (destination == "stderr") {
        return LogFile(STDERR_FILENO, {});
    }
    if (destination == "stdout") {
        return LogFile(STDOUT_FILENO, {});
    }
    const int descriptor = open_for_append(destination);
    if (descriptor < 0) {
        return std::unexpected("cannot open the log file " + destination + ": " +
                               std::generic_category().message(errno));
    }
    return LogFile(descriptor, destination);
}

LogFile::LogFile(int descriptor, std::string path) noexcept
    : descriptor_(descriptor), path_(std::move(path)) {}

LogFile::LogFile(LogFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

LogFile::~LogFile() {
    if (!path_.empty() && descriptor_ >= 0) {
        ::close(descriptor_);
    }
}

bool LogFile::write(std::string_view text) noexcept {
    while (!text.empty()) {
        const ssize_t written = ::write(descriptor_, text.data(), text.size());
        if (written > 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
        } else if (written == 0 ||
                   (errno != EINTR && !(errno == EAGAIN && wait_writable(descriptor_)))) {
            return false;
        }
    }
    return true;
}

void LogFile::reopen() noexcept {
    if (path_.empty()) {
        return;
    }
    const int fresh = open_for_append(path_);
    if (fresh >= 0) {
        ::close(std::exchange(descriptor_, fresh));
    }
}

}  // namespace tollgate::metrics
