#include "router/auto/quality.hpp"

#include <algorithm>
#include <charconv>
#include <string>

namespace tollgate::router {
namespace {

struct Row {
    std::string_view part;
    std::uint8_t general;
    std::uint8_t code;
    std::uint8_t reasoning;
    std::uint8_t writing;
};

constexpr Row kRows[] = {
#define MODEL(part, general, code, reasoning, writing) {part, general, code, reasoning, writing},
#include "router/auto/quality.inc"
#undef MODEL
};

/// Billions of parameters as written in a name such as "llama-3.1-8b-instruct"; 0: not written.
double size_of(std::string_view id) {
    for (std::size_t at = id.find('b'); at != std::string_view::npos; at = id.find('b', at + 1)) {
        std::size_t begin = at;
        while (begin > 0 && ((id[begin - 1] >= '0' && id[begin - 1] <= '9') ||
                             (id[begin - 1] == '.' && begin != at))) {
            --begin;
        }
        const bool ends = at + 1 == id.size() || id[at + 1] < 'a' || id[at + 1] > 'z';
        double billions = 0;
        if (begin < at && ends && id[begin] != '.' &&
            std::from_chars(id.data() + begin, id.data() + at, billions).ec == std::errc()) {
            return billions;
        }
    }
    return 0;
}

Row by_size(std::string_view id) {
    struct Step {
        double above;
        std::uint8_t quality;
    };
    constexpr Step kSteps[] = {{200, 72}, {60, 66},  {25, 60}, {10, 52},
                               {6, 46},   {2.5, 38}, {0, 30}};
    constexpr std::uint8_t kUnknown = 55;
    std::uint8_t quality = kUnknown;
    if (const double billions = size_of(id); billions > 0) {
        quality = std::ranges::find_if(kSteps, [&](const Step& s) {
                      return billions > s.above;
                  })->quality;
    }
    const std::uint8_t code =
        id.contains("code") ? static_cast<std::uint8_t>(quality + 8) : quality;
    return {.part = {}, .general = quality, .code = code, .reasoning = quality, .writing = quality};
}

}  // namespace

std::array<std::uint8_t, kTasks> quality_of(std::string_view model) {
    std::string id(model);
    std::ranges::transform(id, id.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    });
    const auto* const found =
        std::ranges::find_if(kRows, [&](const Row& row) { return id.contains(row.part); });
    const Row row = found == std::end(kRows) ? by_size(id) : *found;
    std::array<std::uint8_t, kTasks> out{};
    out.fill(row.general);
    const auto set = [&](std::uint8_t quality, auto... tasks) {
        ((out[static_cast<std::size_t>(tasks)] = quality), ...);
    };
    set(row.code, Task::code, Task::agentic);
    set(row.reasoning, Task::math, Task::reasoning);
    set(row.writing, Task::writing, Task::roleplay, Task::chat, Task::translation);
    return out;
}

}  // namespace tollgate::router
