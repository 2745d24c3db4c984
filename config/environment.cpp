#include "config/environment.hpp"

#include <cstdlib>

namespace tollgate::config {

Environment process_environment() {
    return [](std::string_view name) -> std::optional<std::string> {
        const char* value = std::getenv(std::string(name).c_str());
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
    };
}

Environment empty_environment() {
    return [](std::string_view) -> std::optional<std::string> { return std::nullopt; };
}

std::string expand_home(std::string_view path, const Environment& env) {
    if (path != "~" && !path.starts_with("~/")) {
        return std::string(path);
    }
    const std::optional<std::string> home = env("HOME");
    return home && !home->empty() ? *home + std::string(path.substr(1)) : std::string(path);
}

}  // namespace tollgate::config
