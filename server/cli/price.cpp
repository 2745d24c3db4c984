#include "server/cli/price.hpp"

#include "config/parse.hpp"
#include "server/cli/price_question.hpp"
#include "server/gateway.hpp"

#include <charconv>
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>

namespace tollgate::server::cli {
namespace {

struct PriceOptions {
    std::optional<std::string> config;
    std::optional<PriceQuestion> question;
    bool json = false;
    bool help = false;
};

std::expected<void, std::string> set(PriceOptions& options, std::string_view name,
                                     std::string_view value) {
    PriceQuestion& question = *options.question;
    if (name == "--at") {
        const auto when = parse_time(value);
        if (!when) {
            return std::unexpected("--at wants a time such as 2026-01-31T12:30:00Z");
        }
        question.when = *when;
    } else if (name == "--service") {
        question.service = value;
    } else if (name == "--region") {
        question.region = value;
    } else if (name == "--currency") {
        question.currency = value;
    } else if (name == "--vendor") {
        question.vendor = value;
    } else {
        std::string counter(name.substr(2));
        for (char& c : counter) {
            c = c == '-' ? '_' : c;
        }
        const std::optional<catalog::Key> key = counter_named(counter);
        std::int64_t count = 0;
        const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), count);
        if (!key) {
            return std::unexpected("unknown option " + std::string(name));
        }
        if (ec != std::errc() || end != value.data() + value.size()) {
            return std::unexpected(std::string(name) + " wants a whole number");
        }
        question.counts[*key] = count;
    }
    return {};
}

std::expected<PriceOptions, std::string> parse(std::span<const std::string_view> arguments) {
    PriceOptions options;
    PriceQuestion question;
    question.when = std::chrono::system_clock::now();
    question.counts[catalog::Key::request] = 1;
    options.question = question;
    bool has_model = false;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view word = arguments[i];
        if (word == "-h" || word == "--help") {
            options.help = true;
        } else if (word == "--json") {
            options.json = true;
        } else if (word.starts_with('-')) {
            const std::size_t equals = std::min(word.find('='), word.size());
            const std::string_view name = word.substr(0, equals);
            if (equals == word.size() && i + 1 == arguments.size()) {
                return std::unexpected(std::string(name) + " needs a value");
            }
            const std::string_view value =
                equals < word.size() ? word.substr(equals + 1) : arguments[++i];
            if (name == "-c" || name == "--config") {
                options.config = value;
            } else if (name.size() < 3 || !name.starts_with("--")) {
                return std::unexpected("unknown option " + std::string(name));
            } else if (auto good = set(options, name, value); !good) {
                return std::unexpected(std::move(good.error()));
            }
        } else if (has_model) {
            return std::unexpected("one model at a time");
        } else {
            options.question->model = word;
            has_model = true;
        }
    }
    if (!has_model) {
        options.question.reset();
    }
    return options;
}

/// "provider/model", "vendor/model", or a bare id of whoever has it first.
void split_model(PriceQuestion& question, const PriceBook& book) {
    const std::string model = question.model;
    const std::size_t slash = model.find('/');
    if (!question.vendor.empty()) {
        return;
    }
    if (slash != std::string::npos) {
        const std::string before = model.substr(0, slash);
        const bool configured =
            book.snapshot != nullptr && book.snapshot->provider(before) != nullptr;
        if (configured || book.catalog.vendor(before) != nullptr) {
            (configured ? question.provider : question.vendor) = before;
            question.model = model.substr(slash + 1);
            return;
        }
    }
    if (book.snapshot != nullptr) {
        for (const router::Provider& provider : book.snapshot->providers()) {
            if (provider.prices.find(model) != nullptr) {
                question.provider = provider.settings.name;
                return;
            }
        }
    }
    for (const std::string_view first : {"openai", "anthropic", "gemini", "mistral", "deepseek"}) {
        if (const catalog::Vendor* const vendor = book.catalog.vendor(first);
            vendor != nullptr && vendor->find(model) != nullptr) {
            question.vendor = first;
            return;
        }
    }
    for (const auto& vendor : book.catalog.vendors()) {
        if (vendor->exactly(model) != nullptr) {
            question.vendor = vendor->name();
            return;
        }
    }
    question.vendor = slash == std::string::npos ? "" : model.substr(0, slash);
}

int answer_one(PriceQuestion question, const PriceBook& book, bool as_json) {
    split_model(question, book);
    if (question.vendor.empty() && question.provider.empty()) {
        std::fprintf(stderr, "tollgate: no vendor of the catalog has a model '%s'\n",
                     question.model.c_str());
        return 1;
    }
    const auto result = answer(question, book);
    if (!result) {
        std::fprintf(stderr, "tollgate: %s\n", result.error().c_str());
        return 1;
    }
    if (as_json) {
        std::string out;
        json::Writer writer(out);
        writer.begin_object();
        write_answer(writer, *result);
        writer.end_object();
        std::puts(out.c_str());
        return 0;
    }
    const metrics::Cost& cost = result->cost;
    std::printf("%s %s",
                metrics::to_decimal(result->in_own_currency ? cost.own : cost.usd, 18).c_str(),
                std::string(result->in_own_currency ? to_string(cost.currency) : "USD").c_str());
    if (!result->in_own_currency && cost.currency != catalog::Currency::usd) {
        std::printf(" (%s %s)", metrics::to_decimal(cost.own, 18).c_str(),
                    std::string(to_string(cost.currency)).c_str());
    }
    std::puts(cost.counts() ? "" : "  counted as unpriced: the list's figure is not to be trusted");
    return 0;
}

int answer_lines(const PriceBook& book) {
    const auto now = std::chrono::system_clock::now();
    bool good = true;
    std::string line;
    while (std::getline(std::cin, line)) {
        if (line.find_first_not_of(" \t\r") == std::string::npos) {
            continue;
        }
        std::string out;
        json::Writer writer(out);
        writer.begin_object();
        const Result<json::Document> document = json::Document::parse(line);
        std::expected<PriceAnswer, std::string> result = std::unexpected(std::string());
        std::expected<PriceQuestion, std::string> question = std::unexpected(std::string());
        if (!document) {
            result = std::unexpected("not valid " + document.error().detail);
        } else if (question = read_question(document->root(), now); !question) {
            result = std::unexpected(question.error());
        } else {
            if (question->vendor.empty() && question->provider.empty()) {
                split_model(*question, book);
            }
            result = answer(*question, book);
        }
        if (result) {
            write_answer(writer, *result);
        } else {
            writer.member("error", result.error());
            good = false;
        }
        writer.end_object();
        std::puts(out.c_str());
    }
    return good ? 0 : 1;
}

}  // namespace

int price(std::span<const std::string_view> arguments) {
    const std::expected<PriceOptions, std::string> options = parse(arguments);
    if (!options) {
        std::fprintf(stderr, "tollgate: %s\n", options.error().c_str());
        return 2;
    }
    if (options->help) {
        std::fputs(kPriceHelp.data(), stdout);
        return 0;
    }
    ConfigSource source;
    source.environment = config::process_environment();
    source.path = config::find_config(options->config, source.environment);
    router::SnapshotPtr snapshot;
    if (source.path) {
        auto loaded = load(source, nullptr);
        if (!loaded) {
            for (const config::Problem& problem : loaded.error()) {
                std::fprintf(stderr, "error: %s\n", to_string(problem).c_str());
            }
            return 1;
        }
        snapshot = loaded->snapshot;
    }
    const config::CostSettings defaults;
    const catalog::Catalog catalog =
        catalog::Catalog::built_in([](std::string_view) { return true; });
    const PriceBook book{.catalog = catalog,
                         .snapshot = snapshot.get(),
                         .cost = snapshot ? snapshot->settings().cost : defaults};
    return options->question ? answer_one(*options->question, book, options->json)
                             : answer_lines(book);
}

}  // namespace tollgate::server::cli
