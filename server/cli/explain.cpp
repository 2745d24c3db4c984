#include "server/cli/explain.hpp"

#include "config/parse.hpp"
#include "router/explain.hpp"
#include "server/gateway.hpp"
#include "server/keys/key_book.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

namespace tollgate::server::cli {
namespace {

struct ExplainOptions {
    std::optional<std::string> config;
    std::string model;
    std::string key;
    std::vector<std::string> tags;
    std::optional<std::string> prompt;
    bool json = false;
    bool help = false;
};

std::expected<ExplainOptions, std::string> parse(std::span<const std::string_view> arguments) {
    ExplainOptions options;
    bool only_words = false;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view word = arguments[i];
        if (only_words || word == "-" || !word.starts_with('-')) {
            // Words that the shell has parted are one prompt.
            options.prompt =
                options.prompt ? *options.prompt + " " + std::string(word) : std::string(word);
        } else if (word == "--") {
            only_words = true;
        } else if (word == "-h" || word == "--help") {
            options.help = true;
        } else if (word == "--json") {
            options.json = true;
        } else {
            const std::size_t equals = std::min(word.find('='), word.size());
            const std::string_view name = word.substr(0, equals);
            if (equals == word.size() && i + 1 == arguments.size()) {
                return std::unexpected(std::string(name) + " needs a value");
            }
            const std::string value(equals < word.size() ? word.substr(equals + 1)
                                                         : arguments[++i]);
            if (name == "-c" || name == "--config") {
                options.config = value;
            } else if (name == "--model") {
                options.model = value;
            } else if (name == "--key") {
                options.key = value;
            } else if (name == "--tag") {
                options.tags.push_back(value);
            } else {
                return std::unexpected("unknown option " + std::string(name) +
                                       "; a prompt that begins so goes behind --");
            }
        }
    }
    return options;
}

/// Explains prompts over one configuration.
class Explainer {
public:
    /// `key` is the caller's, where options name one.
    Explainer(const router::Snapshot& snapshot, const ExplainOptions& options,
              config::KeySettings key)
        : snapshot_(snapshot), options_(options), key_(std::move(key)), tags_(key_.tags) {
        tags_.insert(tags_.end(), options.tags.begin(), options.tags.end());
    }

    /// False where the prompt cannot be read; an answer is printed in any case.
    bool print(const Result<router::Question>& question) {
        if (!question) {
            return refuse(question.error(), {});
        }
        const Result<adapters::Request> request =
            adapters::Request::peek(adapters::Operation::chat, question->request(),
                                    snapshot_.settings().server.limits.json_depth);
        if (!request) {
            return refuse(request.error(), question->id);
        }
        const auto now = failover::Clock::now();
        const router::Explanation explanation =
            router::explain(snapshot_, {.request = *request,
                                        .model = request->model,
                                        .allowed = &key_.models,
                                        .key_name = options_.key,
                                        .now = now,
                                        .tags = tags_});
        const std::string text = options_.json
                                     ? to_json(snapshot_, explanation, now, question->id) + "\n"
                                     : to_text(snapshot_, explanation, now);
        std::fwrite(text.data(), 1, text.size(), stdout);
        return true;
    }

private:
    bool refuse(const Failure& failure, std::string_view id) const {
        if (!options_.json) {
            std::fprintf(stderr, "tollgate: %s\n", failure.detail.c_str());
            return false;
        }
        std::string out;
        json::Writer writer(out);
        writer.begin_object();
        if (!id.empty()) {
            writer.member_raw("id", id);
        }
        writer.member("error", failure.detail).end_object();
        std::puts(out.c_str());
        return false;
    }

    const router::Snapshot& snapshot_;
    const ExplainOptions& options_;
    config::KeySettings key_;
    std::vector<std::string> tags_;
};

/// Of the configuration, or made at run time; else why there is none.
std::expected<config::KeySettings, std::string> key_named(const std::string& name,
                                                          const config::Settings& settings) {
    const auto key = std::ranges::find(settings.keys, name, &config::KeySettings::name);
    if (key != settings.keys.end()) {
        return *key;
    }
    const std::string path = config::keys_path(settings);
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) {  // opening would make it
        return std::unexpected("there is no key '" + name + "'");
    }
    KeyResult<KeyBook> book = KeyBook::open(path);
    KeyResult<BookedKey> made = book ? book->find(name) : std::unexpected(book.error());
    if (!made) {
        return std::unexpected(made.error().text);
    }
    return std::move(made->spec.settings);
}

/// The argument is the prompt, whatever it looks like.
Result<router::Question> question_of(const std::string& prompt, const std::string& model) {
    std::string quoted;
    json::append_string(quoted, prompt);
    return router::read_question(quoted, model);
}

int explain_lines(Explainer& explainer, const ExplainOptions& options) {
    bool all_good = true;
    for (std::string line; std::getline(std::cin, line);) {
        if (line.find_first_not_of(" \t\r") != std::string::npos) {
            all_good = explainer.print(router::read_question(line, options.model)) && all_good;
        }
    }
    return all_good ? 0 : 1;
}

}  // namespace

int explain(std::span<const std::string_view> arguments) {
    const std::expected<ExplainOptions, std::string> options = parse(arguments);
    if (!options) {
        std::fprintf(stderr, "tollgate: %s\n%s", options.error().c_str(), kExplainHelp.data());
        return 2;
    }
    if (options->help) {
        std::fputs(kExplainHelp.data(), stdout);
        return 0;
    }
    ConfigSource source;
    source.environment = config::process_environment();
    source.path = config::find_config(options->config, source.environment);
    const auto loaded = load(source, nullptr);
    if (!loaded) {
        for (const config::Problem& problem : loaded.error()) {
            std::fprintf(stderr, "error: %s\n", to_string(problem).c_str());
        }
        return 1;
    }
    const router::Snapshot& snapshot = *loaded->snapshot;
    config::KeySettings key;
    if (!options->key.empty()) {
        auto found = key_named(options->key, snapshot.settings());
        if (!found) {
            std::fprintf(stderr, "tollgate: %s\n", found.error().c_str());
            return 1;
        }
        key = std::move(*found);
    }
    Explainer explainer(snapshot, *options, std::move(key));
    if (options->prompt && *options->prompt != "-") {
        return explainer.print(question_of(*options->prompt, options->model)) ? 0 : 1;
    }
    if (options->json) {
        return explain_lines(explainer, *options);
    }
    // All of standard input is one prompt.
    const std::string prompt{std::istreambuf_iterator<char>(std::cin), {}};
    return explainer.print(question_of(prompt, options->model)) ? 0 : 1;
}

}  // namespace tollgate::server::cli
