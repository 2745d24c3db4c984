#include "metrics/timestamp.hpp"

#include <algorithm>

namespace tollgate::metrics {
namespace {

/// Writes `number` right-aligned with leading zeros into exactly `width` characters.
void write_digits(char* at, unsigned number, int width) noexcept {
    for (int i = width - 1; i >= 0; --i) {
        at[i] = static_cast<char>('0' + number % 10);
        number /= 10;
    }
}

}  // namespace

std::string_view TimestampWriter::write(std::chrono::system_clock::time_point when) noexcept {
    const auto since_epoch =
        std::chrono::floor<std::chrono::milliseconds>(when.time_since_epoch()).count();
    const std::int64_t second = since_epoch >= 0 ? since_epoch / 1000 : (since_epoch - 999) / 1000;
    if (second != second_) {
        write_second(second);
    }
    write_digits(text_.data() + 20, static_cast<unsigned>(since_epoch - second * 1000), 3);
    return {text_.data(), text_.size()};
}

void TimestampWriter::write_second(std::int64_t second) noexcept {
    second_ = second;
    const std::chrono::sys_seconds time{std::chrono::seconds(second)};
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss clock{time - day};
    char* at = text_.data();
    write_digits(at, static_cast<unsigned>(std::clamp(static_cast<int>(date.year()), 0, 9999)), 4);
    at[4] = '-';
    write_digits(at + 5, static_cast<unsigned>(date.month()), 2);
    at[7] = '-';
    write_digits(at + 8, static_cast<unsigned>(date.day()), 2);
    at[10] = 'T';
    write_digits(at + 11, static_cast<unsigned>(clock.hours().count()), 2);
    at[13] = ':';
    write_digits(at + 14, static_cast<unsigned>(clock.minutes().count()), 2);
    at[16] = ':';
    write_digits(at + 17, static_cast<unsigned>(clock.seconds().count()), 2);
    at[19] = '.';
    at[23] = 'Z';
}

}  // namespace tollgate::metrics
