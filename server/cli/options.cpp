#include "server/cli/options.hpp"

#include <algorithm>
#include <array>

namespace tollgate::server::cli {
namespace {

constexpr std::array<std::string_view, 4> kUsageOptions{"--by", "--since", "--until", "--format"};

bool is_usage_option(std::string_view word) {
    const std::string_view name = word.substr(0, word.find('='));
    return std::ranges::find(kUsageOptions, name) != kUsageOptions.end();
}

void set_usage_option(Options& options, std::string_view name, std::string text) {
    if (name == "--by") {
        options.by = options.is_grouped ? options.by + "," + text : text;
        options.is_grouped = true;
    } else if (name == "--since") {
        options.since = std::move(text);
    } else if (name == "--until") {
        options.until = std::move(text);
    } else {
        options.format = std::move(text);
    }
}

}  // namespace

std::expected<Options, std::string> parse_options(const std::vector<std::string_view>& arguments) {
    Options options;
    bool has_command = false;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view word = arguments[i];
        const auto value = [&](std::string_view name) -> std::expected<std::string, std::string> {
            if (word.size() > name.size() && word.starts_with(name) && word[name.size()] == '=') {
                return std::string(word.substr(name.size() + 1));
            }
            if (i + 1 < arguments.size()) {
                return std::string(arguments[++i]);
            }
            return std::unexpected("tollgate: " + std::string(name) + " needs a value");
        };
        if (word == "-h" || word == "--help" || word == "help") {
            options.command = Command::help;
            return options;
        }
        if (word == "--version") {
            options.command = Command::version;
            return options;
        }
        if (word == "--json") {
            options.json = true;
        } else if (word == "-c" || word == "--config" || word.starts_with("--config=")) {
            auto path = value(word == "-c" ? "-c" : "--config");
            if (!path) {
                return std::unexpected(std::move(path.error()));
            }
            options.config = std::move(*path);
        } else if (word == "--listen" || word.starts_with("--listen=")) {
            auto address = value("--listen");
            if (!address) {
                return std::unexpected(std::move(address.error()));
            }
            options.listen.push_back(std::move(*address));
        } else if (options.command == Command::usage && is_usage_option(word)) {
            const std::string_view name = word.substr(0, word.find('='));
            auto text = value(name);
            if (!text) {
                return std::unexpected(std::move(text.error()));
            }
            set_usage_option(options, name, std::move(*text));
        } else if (!has_command &&
                   (word == "serve" || word == "check" || word == "version" || word == "usage")) {
            has_command = true;
            options.command = word == "serve"   ? Command::serve
                              : word == "check" ? Command::check
                              : word == "usage" ? Command::usage
                                                : Command::version;
        } else {
            return std::unexpected("tollgate: unknown argument '" + std::string(word) +
                                   "'; see tollgate --help");
        }
    }
    return options;
}

}  // namespace tollgate::server::cli
