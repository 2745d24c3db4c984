#include "router/limits/period.hpp"

#include <array>

namespace tollgate::router {

Window window_at(config::Period per, WallTime now) noexcept {
    namespace chrono = std::chrono;
    const auto day = chrono::floor<chrono::days>(now);
    switch (per) {
        case config::Period::hour: {
            const WallTime hour = chrono::floor<chrono::hours>(now);
            return {.begin = hour, .end = hour + chrono::hours(1)};
        }
        case config::Period::day:
            return {.begin = day, .end = day + chrono::days(1)};
        case config::Period::week: {
            const auto monday = day - (chrono::weekday(day) - chrono::Monday);
            return {.begin = monday, .end = monday + chrono::days(7)};
        }
        case config::Period::month: {
            const chrono::year_month_day date(day);
            const chrono::year_month month = date.year() / date.month();
            return {.begin = chrono::sys_days(month / 1),
                    .end = chrono::sys_days((month + chrono::months(1)) / 1)};
        }
        case config::Period::total:
            break;
    }
    return {.begin = {}, .end = WallTime::max()};
}

std::string_view to_string(config::Period per) noexcept {
    constexpr std::array<std::string_view, 5> kNames{"hour", "day", "week", "month", "total"};
    return kNames[static_cast<std::size_t>(per)];
}

}  // namespace tollgate::router
