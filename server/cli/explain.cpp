#include "server/cli/explain.hpp"

#include "config/parse.hpp"
#include "router/explain.hpp"
#include "server/gateway.hpp"

#include <algorithm>
#include <cstdio>
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
    Explainer(const router::Snapshot& snapshot, const ExplainOptions& options)
        : snapshot_(snapshot), options_(options) {
        const auto& keys = snapshot.settings().keys;
        const auto key = std::ranges::find(keys, options.key, &config::KeySettings::name);
        tags_ = options.tags;
        if (key != keys.end()) {
            allowed_ = &key->models;
            tags_.insert(tags_.begin(), key->tags.begin(), key->tags.end());
        }
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
                                        .allowed = allowed_,
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
    const std::vector<std::string>* allowed_ = nullptr;
    std::vector<std::string> tags_;
};

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
    const auto& keys = snapshot.settings().keys;
    if (!options->key.empty() &&
        std::ranges::find(keys, options->key, &config::KeySettings::name) == keys.end()) {
        std::fprintf(stderr, "tollgate: the configuration has no key '%s'\n", options->key.c_str());
        return 1;
    }
    Explainer explainer(snapshot, *options);
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
