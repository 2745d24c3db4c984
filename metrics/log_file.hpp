// Where log lines end up: standard error, standard output or a file that is appended to.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace tollgate::metrics {

/// Owns the descriptor unless it is one of the standard streams.  One thread.
class LogFile {
public:
    /// "stderr", "stdout" or a path.  Fails with a sentence.
    [[nodiscard]] static std::expected<LogFile, std::string> open(const std::string& destination);
    LogFile(LogFile&& other) noexcept;
    LogFile& operator=(LogFile&&) = delete;
    ~LogFile();

    /// Writes all of it, or says false: the disk is full, the pipe is closed, or nobody read it for
    /// a second.
    [[nodiscard]] bool write(std::string_view text) noexcept;
    /// Opens the path again; when that fails the present file stays.
    void reopen() noexcept;

private:
    LogFile(int descriptor, std::string path) noexcept;

    int descriptor_;
    std::string path_;  ///< empty: a standard stream
};

}  // namespace tollgate::metrics
