// Builds one log line in a fixed piece of memory: JSON or `name=value` text.  Nothing allocates,
// nothing overflows, and no value can break out of its field.
#pragma once

#include "metrics/log.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tollgate::metrics {

/// Values longer than this are cut in event lines and end in "...".
inline constexpr std::size_t kMaxValueBytes = 2048;

class LineWriter {
public:
    /// `memory` must hold at least 64 bytes.
    LineWriter(std::span<char> memory, LogFormat format) noexcept;

    // Names come from our code: short, and free of characters that would need escaping. A field
    // that does not fit is left out whole, as are all after it, and the line says `truncated`.

    /// At most `limit` bytes of the text are kept (never half a character) and "..." marks the cut.
    /// Escaped: quotes, backslashes, control characters (C0, DEL, C1), line separators, direction
    /// overrides; bytes that are not UTF-8 become U+FFFD.  Terminals and log viewers see plain text
    /// only.
    void text(std::string_view name, std::string_view value,
              std::size_t limit = kMaxValueBytes) noexcept;
    void number(std::string_view name, std::uint64_t value) noexcept;
    void number(std::string_view name, std::int64_t value) noexcept;
    /// Not finite: null.
    void number(std::string_view name, double value) noexcept;
    /// value / 1000 with three decimals, exactly.
    void thousandths(std::string_view name, std::uint64_t value) noexcept;
    void boolean(std::string_view name, bool value) noexcept;

    /// Closes the line with a newline; its length.  The writer is done then.
    [[nodiscard]] std::size_t finish() noexcept;

private:
    [[nodiscard]] bool begin_field(std::string_view name) noexcept;
    void end_field() noexcept;
    void raw(std::string_view text) noexcept;
    void quoted(std::string_view value, std::size_t limit) noexcept;
    void escaped(std::string_view value) noexcept;
    void code_unit(std::uint32_t value) noexcept;
    template <class Number>
    void digits(Number value) noexcept;

    char* start_;
    char* at_;
    char* limit_;            ///< fields end here, the closing goes behind
    char* field_ = nullptr;  ///< where the current field began
    LogFormat format_;
    bool overflowed_ = false;  ///< in the current field
    bool truncated_ = false;
};

}  // namespace tollgate::metrics
