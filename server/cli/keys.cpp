#include "server/cli/keys.hpp"

#include "config/parse.hpp"
#include "config/scalar.hpp"
#include "server/caller_key.hpp"
#include "server/keys/key_book.hpp"
#include "server/keys/key_view.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace tollgate::server::cli {
namespace {

constexpr std::string_view kHelp =
    "usage: tollgate keys create NAME [SETTING ...]     make a key; its secret is shown this once\n"
    "       tollgate keys create --for-config           a secret and its hash for keys[].hash\n"
    "       tollgate keys list                          those of the configuration as well\n"
    "       tollgate keys set NAME SETTING ...          change what a key may do\n"
    "       tollgate keys disable|enable NAME           refuse it, and take it again\n"
    "       tollgate keys rotate NAME [--overlap 24h]   a new secret; the old one stays valid so "
    "long\n"
    "       tollgate keys delete NAME                   (or revoke) for good\n"
    "\n"
    "  --team NAME --models a,openai/* --tags a,b   what it is for\n"
    "  --budget 20/month      hour, day, week, month or total; none takes it away\n"
    "  --rpm N --tpm N --concurrency N              0: no limit\n"
    "  --expires 2027-01-31   or 2027-01-31T18:00:00Z, 30d from now, never\n"
    "  -c, --config FILE      the configuration says where keys are kept (keys_file)\n"
    "  --json                 instead of text\n"
    "\n"
    "A gateway that runs on the same file takes changes over within a quarter of a second.\n";

constexpr std::array<std::string_view, 8> kSettings{
    "--team", "--models", "--tags", "--rpm", "--tpm", "--concurrency", "--expires", "--budget"};

struct KeysOptions {
    std::string action;
    std::string name;
    std::optional<std::string> config;
    KeyChange change;
    bool has_change = false;
    std::chrono::seconds overlap = std::chrono::hours(24);
    bool for_config = false;
    bool json = false;
};

config::Timestamp now() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

int fail(std::string_view text) {
    std::fprintf(stderr, "tollgate: %.*s\n", static_cast<int>(text.size()), text.data());
    return 1;
}

using Done = std::expected<void, std::string>;

Done take_value(KeysOptions& options, std::string_view word, std::string_view value) {
    if (word == "-c" || word == "--config") {
        options.config = value;
        return {};
    }
    if (word == "--overlap") {
        const auto span =
            config::scalar::duration(value, std::chrono::milliseconds(0), std::chrono::days(3650));
        if (!span) {
            return std::unexpected("--overlap: " + span.error());
        }
        options.overlap = std::chrono::ceil<std::chrono::seconds>(*span);
        return {};
    }
    options.has_change = true;
    return set(options.change, word.substr(2), value, now());
}

std::expected<KeysOptions, std::string> parse(std::span<const std::string_view> arguments) {
    KeysOptions options;
    options.action = arguments[0] == "revoke" ? "delete" : arguments[0];
    const bool takes_settings = options.action == "create" || options.action == "set";
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        const std::string_view word = arguments[i];
        const bool is_setting =
            takes_settings && std::ranges::find(kSettings, word) != kSettings.end();
        if (word == "--json") {
            options.json = true;
        } else if (word == "--for-config" && options.action == "create") {
            options.for_config = true;
        } else if (is_setting || word == "-c" || word == "--config" ||
                   (word == "--overlap" && options.action == "rotate")) {
            if (++i == arguments.size()) {
                return std::unexpected(std::string(word) + " needs a value");
            }
            if (const Done done = take_value(options, word, arguments[i]); !done) {
                return std::unexpected(done.error());
            }
        } else if (options.name.empty() && !word.starts_with('-') && options.action != "list") {
            const auto name = config::scalar::name(word);
            if (!name) {
                return std::unexpected("'" + std::string(word) + "': " + name.error());
            }
            options.name = *name;
        } else {
            return std::unexpected("unknown argument '" + std::string(word) + "'");
        }
    }
    if (options.name.empty() && options.action != "list" && !options.for_config) {
        return std::unexpected("keys " + options.action + " wants the name of a key");
    }
    if (options.action == "set" && !options.has_change) {
        return std::unexpected("keys set wants a setting");
    }
    return options;
}

std::expected<config::Settings, std::string> read_settings(const KeysOptions& options) {
    const config::Environment environment = config::process_environment();
    const auto path = config::find_config(options.config, environment);
    if (!path) {
        return config::defaults(environment);
    }
    auto parsed = config::parse_file(*path, environment);
    if (!parsed) {
        return std::unexpected(to_string(parsed.error().front()));
    }
    return std::move(*parsed);
}

int show(const KeysOptions& options, const KeyView& view, std::string_view secret = {}) {
    if (options.json) {
        std::string out;
        json::Writer writer(out);
        write_key(writer, view, secret);
        std::puts(out.c_str());
        return 0;
    }
    std::fputs(key_table({view}, now()).c_str(), stdout);
    if (!secret.empty()) {
        std::printf("\n%.*s\n", static_cast<int>(secret.size()), secret.data());
        std::fputs("This is the key's secret. It is not kept and will not be shown again.\n",
                   stderr);
    }
    return 0;
}

int list(const KeysOptions& options, const config::Settings& settings, const std::string& path) {
    std::vector<KeyView> views;
    for (const config::KeySettings& key : settings.keys) {
        KeyView& view = views.emplace_back();
        view.key.spec.settings = key;
        view.is_configured = true;
    }
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) {  // else asking would make the file
        KeyResult<KeyBook> book = KeyBook::open(path);
        KeyResult<std::vector<BookedKey>> made = book ? book->all() : std::unexpected(book.error());
        if (!made) {
            return fail(made.error().text);
        }
        for (BookedKey& key : *made) {
            views.push_back({.key = std::move(key)});
        }
    }
    if (!options.json) {
        std::fputs(key_table(views, now()).c_str(), stdout);
        return 0;
    }
    std::string out;
    json::Writer writer(out);
    writer.begin_array();
    for (const KeyView& view : views) {
        write_key(writer, view);
    }
    writer.end_array();
    std::puts(out.c_str());
    return 0;
}

int for_config(const KeysOptions& options) {
    const std::string secret = make_secret();
    if (secret.empty()) {
        return fail("the system gives no random numbers");
    }
    const std::string hash = sha256_text(secret);
    std::printf(options.json ? "{\"secret\":\"%s\",\"hash\":\"%s\"}\n" : "secret  %s\nhash    %s\n",
                secret.c_str(), hash.c_str());
    return 0;
}

int act(const KeysOptions& options, const std::string& path) {
    std::error_code ignored;
    if (options.action != "create" && !std::filesystem::exists(path, ignored)) {
        return fail("no key was made at run time yet (" + path + ")");
    }
    KeyResult<KeyBook> book = KeyBook::open(path);
    if (!book) {
        return fail(book.error().text);
    }
    if (options.action == "create" || options.action == "rotate") {
        const KeyResult<NewSecret> made = options.action == "create"
                                              ? book->create(options.name, options.change, now())
                                              : book->rotate(options.name, options.overlap, now());
        return made ? show(options, {.key = made->key}, made->secret) : fail(made.error().text);
    }
    if (options.action == "delete") {
        const KeyResult<void> removed = book->remove(options.name);
        return removed ? 0 : fail(removed.error().text);
    }
    KeyChange change = options.change;
    if (options.action != "set") {
        change.enabled = options.action == "enable";
    }
    const KeyResult<BookedKey> changed = book->change(options.name, change);
    return changed ? show(options, {.key = *changed}) : fail(changed.error().text);
}

}  // namespace

int keys(std::span<const std::string_view> arguments) {
    constexpr std::array<std::string_view, 8> kActions{"create", "list",   "set",    "disable",
                                                       "enable", "rotate", "delete", "revoke"};
    const bool known =
        !arguments.empty() && std::ranges::find(kActions, arguments[0]) != kActions.end();
    const bool asks = std::ranges::any_of(
        arguments, [](std::string_view word) { return word == "-h" || word == "--help"; });
    if (!known || asks) {
        std::fputs(kHelp.data(), asks ? stdout : stderr);
        return asks ? 0 : 2;
    }
    const auto options = parse(arguments);
    if (!options) {
        std::fprintf(stderr, "tollgate: %s\n", options.error().c_str());
        return 2;
    }
    if (options->for_config) {
        return for_config(*options);
    }
    const auto settings = read_settings(*options);
    if (!settings) {
        return fail(settings.error());
    }
    if (settings->state_dir.starts_with('~') && settings->keys_file.empty()) {
        return fail("HOME is not set, so keys_file or state_dir must be");
    }
    const std::string path = config::keys_path(*settings);
    if (options->action == "list") {
        return list(*options, *settings, path);
    }
    if (std::ranges::find(settings->keys, options->name, &config::KeySettings::name) !=
        settings->keys.end()) {
        return fail("the key '" + options->name + "' is in the configuration; change it there");
    }
    return act(*options, path);
}

}  // namespace tollgate::server::cli
