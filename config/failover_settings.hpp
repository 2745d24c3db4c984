// The settings of the section `failover`; a part of settings.hpp, which includes this.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace tollgate::config {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Backoff {
    milliseconds base = milliseconds(200);  ///< of the first wait; doubles, with full jitter
    milliseconds max = seconds(5);
    [[nodiscard]] bool operator==(const Backoff&) const = default;
};
struct Breaker {
    unsigned errors = 5;  ///< within `window` open the breaker; 0: never
    milliseconds window = seconds(30);
    milliseconds open = seconds(15);  ///< then one probe at a time
    double share = 0.5;               ///< errors are at least this share of the window's outcomes
    milliseconds slow_start = seconds(10);  ///< until a target that came back has its full share
    [[nodiscard]] bool operator==(const Breaker&) const = default;
};
struct CoolDown {
    milliseconds limited = seconds(5);       ///< after a 429 that does not say how long
    milliseconds longest = seconds(300);     ///< however long a vendor asks for; 0: no cool-down
    milliseconds quarantine = seconds(300);  ///< of a refused key; 0: none
    [[nodiscard]] bool operator==(const CoolDown&) const = default;
};
/// Whether a refusal by a vendor's content policy ends the request or moves it on.
enum class OnContent : std::uint8_t { stop, next };
/// Free requests (GET models) to targets from which nothing is heard.
struct ActiveChecks {
    milliseconds every = milliseconds(0);  ///< 0: off
    [[nodiscard]] bool operator==(const ActiveChecks&) const = default;
};
struct Hedge {
    bool enabled = false;     ///< set by giving `after`
    unsigned percentile = 0;  ///< of the target's time to first token; 0: `delay` counts
    milliseconds delay = milliseconds(0);
    double budget = 0.05;  ///< share of requests that may get a second attempt
    [[nodiscard]] bool operator==(const Hedge&) const = default;
};
struct FailoverSettings {
    unsigned retries = 2;  ///< further attempts after the first
    Backoff backoff = {};
    double retry_budget = 0.2;  ///< retries as a share of recent requests
    Breaker breaker = {};
    CoolDown cool_down = {};
    ActiveChecks checks = {};
    OnContent content_filtered = OnContent::stop;
    std::vector<std::string> context_fallbacks = {};  ///< for requests that name no alias of ours
    std::vector<std::string> content_fallbacks = {};
    Hedge hedge = {};
    [[nodiscard]] bool operator==(const FailoverSettings&) const = default;
};

}  // namespace tollgate::config
