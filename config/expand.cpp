#include "config/expand.hpp"

#include "config/problem.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

namespace tollgate::config {
namespace {

bool is_variable_name(std::string_view name) noexcept {
    const auto letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    return !name.empty() && letter(name.front()) &&
           std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

/// What stands between "${" and "}".
std::expected<std::string, ExpandError> look_up(std::string_view inside, const Environment& env) {
    const std::size_t dash = inside.find(":-");
    const std::string_view name = inside.substr(0, dash);
    if (!is_variable_name(name)) {
        return std::unexpected(ExpandError{.text = "expected a variable such as ${NAME} or "
                                                   "${NAME:-default}; write $$ for a literal $"});
    }
    std::optional<std::string> value = env(name);
    if (dash != std::string_view::npos) {
        return value && !value->empty() ? *value : std::string(inside.substr(dash + 2));
    }
    if (!value) {
        const std::string shown = printable(name, 64);
        return std::unexpected(ExpandError{
            .is_unset = true,
            .text = "environment variable " + shown + " is not set (${" + shown +
                    ":-default} gives a default, ${" + shown + ":-} allows it to be missing)"});
    }
    return *value;
}

}  // namespace

std::expected<std::string, ExpandError> expand(std::string_view text, const Environment& env) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const std::string_view rest = text.substr(i);
        if (rest.starts_with("$$")) {
            out += '$';
            ++i;
        } else if (rest.starts_with("${")) {
            const std::size_t end = rest.find('}');
            if (end == std::string_view::npos) {
                return std::unexpected(
                    ExpandError{.text = "${ without a closing }; write $$ for a literal $"});
            }
            std::expected<std::string, ExpandError> value = look_up(rest.substr(2, end - 2), env);
            if (!value) {
                return value;
            }
            out += *value;
            wipe(*value);
            i += end;
        } else {
            out += text[i];
        }
    }
    return out;
}

std::expected<std::string, ExpandError> read_file(const std::string& path, std::size_t limit) {
    const std::string shown = printable(path, 256);
    std::error_code error;
    const std::filesystem::file_status status = std::filesystem::status(path, error);
    if (error || !std::filesystem::exists(status)) {
        const std::string reason = error ? error.message() : "No such file or directory";
        return std::unexpected(ExpandError{.text = "cannot read " + shown + ": " + reason});
    }
    // Opening a pipe or device could block or never end.
    if (!std::filesystem::is_regular_file(status)) {
        return std::unexpected(
            ExpandError{.text = "cannot read " + shown + ": not a regular file"});
    }
    errno = 0;
    std::ifstream stream(path, std::ios::binary);
    if (!stream) {
        const std::string reason = std::generic_category().message(errno == 0 ? EIO : errno);
        return std::unexpected(ExpandError{.text = "cannot read " + shown + ": " + reason});
    }
    std::string content(limit + 1, '\0');
    stream.read(content.data(), static_cast<std::streamsize>(content.size()));
    content.resize(static_cast<std::size_t>(stream.gcount()));
    if (content.size() > limit) {
        wipe(content);
        return std::unexpected(
            ExpandError{.text = shown + " is larger than " + std::to_string(limit) + " bytes"});
    }
    return content;
}

std::expected<Secret, ExpandError> read_secret(std::string text, const Environment& env) {
    constexpr std::string_view kScheme = "file:";
    constexpr std::size_t kLimit = 64 * std::size_t{1024};
    if (!text.starts_with(kScheme)) {
        return Secret(std::move(text));
    }
    const std::string path = expand_home(std::string_view(text).substr(kScheme.size()), env);
    std::expected<std::string, ExpandError> content = read_file(path, kLimit);
    if (!content) {
        return std::unexpected(content.error());
    }
    if (content->ends_with('\n')) {
        content->pop_back();
        if (content->ends_with('\r')) {
            content->pop_back();
        }
    }
    return Secret(std::move(*content));
}

}  // namespace tollgate::config
