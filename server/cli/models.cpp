#include "server/cli/models.hpp"

#include "adapters/codec/json.hpp"
#include "config/parse.hpp"
#include "metrics/money.hpp"
#include "router/auto/choose_automatically.hpp"
#include "router/auto/decide.hpp"
#include "router/listing.hpp"
#include "server/cli/live_models.hpp"
#include "server/gateway.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

namespace tollgate::server::cli {
namespace {

using catalog::Can;
using catalog::Model;

struct ModelsOptions {
    std::optional<std::string> config;
    std::string provider;
    std::string id;
    bool json = false;
    bool live = false;
};

/// One model of a provider or of a vendor of the catalog, or a name of the auto-router.
struct Entry {
    std::string provider;  // empty: of the auto-router
    std::string id;
    const Model* model = nullptr;  // null: nothing is known
    const catalog::Price* price = nullptr;
    bool is_default = false;
    bool is_free = false;
    [[nodiscard]] std::string full_id() const {
        return provider.empty() ? id : provider + "/" + id;
    }
};

std::expected<ModelsOptions, std::string> parse(std::span<const std::string_view> arguments) {
    ModelsOptions options;
    const bool is_list = arguments[0] == "list";
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        const std::string_view word = arguments[i];
        if (word == "--json") {
            options.json = true;
        } else if (word == "--live") {
            options.live = true;
        } else if (word == "--provider" || word == "-c" || word == "--config") {
            if (++i == arguments.size()) {
                return std::unexpected(std::string(word) + " needs a value");
            }
            if (word == "--provider") {
                options.provider = arguments[i];
            } else {
                options.config = arguments[i];
            }
        } else if (!is_list && options.id.empty() && !word.starts_with('-')) {
            options.id = word;
        } else {
            return std::unexpected("unknown argument '" + std::string(word) + "'");
        }
    }
    if (!is_list && options.id.empty()) {
        return std::unexpected("models show wants a model");
    }
    return options;
}

std::string amount(catalog::Amount value) {
    metrics::DecimalText space;
    return std::string(metrics::write_decimal(value, catalog::kAmountDigits, space));
}

std::string capabilities(const Model& model) {
    constexpr std::array<std::pair<Can, std::string_view>, 6> kShown{
        {{Can::vision, "vision"},
         {Can::tools, "tools"},
         {Can::streaming, "streaming"},
         {Can::reasoning, "reasoning"},
         {Can::structured_output, "structured output"},
         {Can::embedding, "embedding"}}};
    std::string out;
    for (const auto& [can, name] : kShown) {
        const bool has =
            model.can.has(can) || (can == Can::embedding && model.type == catalog::Type::embedding);
        if (has) {
            out.append(out.empty() ? "" : ", ").append(name);
        }
    }
    return out;
}

/// "2.5 / 10 USD": input and output per million tokens, else the first rate by its name.
std::string price_text(const Entry& entry) {
    if (entry.provider.empty()) {
        return "that of the model it chooses";
    }
    if (entry.is_free) {
        return "free";
    }
    if (entry.price == nullptr) {
        return "unpriced";
    }
    switch (entry.price->mark) {
        case catalog::Mark::free:
            return "free";
        case catalog::Mark::zero:
        case catalog::Mark::suspect:
            return "unpriced";
        case catalog::Mark::none:
        case catalog::Mark::converted:
            break;
    }
    std::string text;
    for (const catalog::Rate& rate : entry.price->rates) {
        if (rate.key == catalog::Key::input || rate.key == catalog::Key::output) {
            text.append(text.empty() ? "" : " / ").append(amount(rate.amount));
        }
    }
    if (text.empty() && !entry.price->rates.empty()) {
        const catalog::Rate& rate = entry.price->rates.front();
        text = amount(rate.amount);
        text.append(" per ").append(facts(rate.key).name);
    }
    return text.append(" ").append(to_string(entry.price->currency));
}

std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

void print_table(const std::vector<Entry>& entries) {
    std::vector<std::array<std::string, 5>> rows{
        {"  id", "name", "context", "capabilities", "price per 1M tokens (in / out)"}};
    for (const Entry& entry : entries) {
        const Model unknown;
        const Model& model = entry.model == nullptr ? unknown : *entry.model;
        rows.push_back({(entry.is_default ? "★ " : "  ") + entry.full_id(),
                        std::string(model.name.empty() ? entry.id : model.name),
                        model.context == 0 ? "" : std::to_string(model.context),
                        capabilities(model), price_text(entry)});
    }
    std::array<std::size_t, 5> widths{};
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], width(row[i]));
        }
    }
    std::string out;
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            out.append(row[i]);
            if (i + 1 < row.size()) {
                out.append(widths[i] - width(row[i]) + 2, ' ');
            }
        }
        out.push_back('\n');
    }
    std::fputs(out.c_str(), stdout);
}

void write_rates(json::Writer& writer, std::span<const catalog::Rate> rates) {
    for (const catalog::Rate& rate : rates) {
        writer.member(facts(rate.key).name, amount(rate.amount));
    }
}

void write_prices(json::Writer& writer, const Model& model) {
    writer.key("prices").begin_array();
    for (const catalog::Price& price : model.prices) {
        writer.begin_object().member("currency", to_string(price.currency));
        if (!price.region.empty()) {
            writer.member("region", price.region);
        }
        if (price.mark == catalog::Mark::free) {
            writer.key("free").boolean(true);
        } else if (price.mark == catalog::Mark::zero || price.mark == catalog::Mark::suspect) {
            writer.key("billed").boolean(false);
        }
        writer.key("rates").begin_object();
        write_rates(writer, price.rates);
        writer.end_object();
        if (!price.tiers.empty()) {
            writer.key("tiers").begin_array();
            for (const catalog::Tier& tier : price.tiers) {
                writer.begin_object().member_count("above", tier.above);
                write_rates(writer, tier.rates);
                writer.end_object();
            }
            writer.end_array();
        }
        writer.end_object();
    }
    writer.end_array();
}

void write_cans(json::Writer& writer, std::string_view name, const catalog::Cans& cans) {
    writer.key(name).begin_array();
    for (std::size_t i = 0; i < catalog::kCans; ++i) {
        if (cans.has(static_cast<Can>(i))) {
            writer.string(to_string(static_cast<Can>(i)));
        }
    }
    writer.end_array();
}

void write_entry(json::Writer& writer, const Entry& entry) {
    writer.begin_object().member("id", entry.full_id());
    writer.key("default").boolean(entry.is_default);
    if (entry.model != nullptr) {
        const Model& model = *entry.model;
        writer.member("name", model.name.empty() ? std::string_view(entry.id) : model.name);
        writer.member("type", to_string(model.type));
        if (model.context != 0) {
            writer.member_count("context_window", model.context);
        }
        if (model.max_output != 0) {
            writer.member_count("max_output_tokens", model.max_output);
        }
        write_cans(writer, "capabilities", model.can);
        write_cans(writer, "absent", model.cannot);
        if (model.deprecated || model.beta) {
            writer.member("status", model.deprecated ? "deprecated" : "beta");
        }
        if (!model.until.empty()) {
            writer.member("shut_down", model.until);
        }
        write_prices(writer, model);
    }
    writer.member("price", price_text(entry)).end_object();
}

/// What the providers of the configuration offer.
std::vector<Entry> entries_of(const router::Snapshot& snapshot, std::string_view only,
                              const LiveModels& live) {
    std::vector<Entry> out;
    const auto now = std::chrono::system_clock::now();
    for (const std::string_view name : router::kAutoNames) {
        if (only.empty() && router::goes_automatically(snapshot, name) &&
            router::may_use(snapshot, name, nullptr, failover::Clock::now())) {
            out.push_back({.provider = {}, .id = std::string(name)});
        }
    }
    for (const router::Provider& provider : snapshot.providers()) {
        if (!only.empty() && provider.settings.name != only) {
            continue;
        }
        const auto own = live.find(&provider);
        const std::vector<std::string_view> ids =
            router::offered_models(provider, own == live.end() ? nullptr : &own->second);
        for (const std::string_view id : ids) {
            const Model* const model = provider.prices.find(id);
            out.push_back({.provider = provider.settings.name,
                           .id = std::string(id),
                           .model = model,
                           .price = model == nullptr ? nullptr
                                                     : metrics::choose_price(
                                                           *model, provider.prices.terms(), now),
                           .is_default = id == provider.default_model,
                           .is_free = provider.settings.price.free});
        }
    }
    return out;
}

std::vector<Entry> entries_of(const catalog::Vendor& vendor) {
    std::vector<Entry> out;
    metrics::Terms terms;
    terms.currency = vendor.bills();
    for (const Model& model : vendor.models()) {
        out.push_back(
            {.provider = std::string(vendor.name()),
             .id = std::string(model.id),
             .model = &model,
             .price = metrics::choose_price(model, terms, std::chrono::system_clock::now())});
    }
    return out;
}

bool is_asked_for(const Entry& entry, std::string_view id) {
    return id == entry.id || id == entry.full_id();
}

int print(const std::vector<Entry>& entries, bool as_json) {
    if (!as_json) {
        print_table(entries);
        return 0;
    }
    std::string out;
    json::Writer writer(out);
    writer.begin_array();
    for (const Entry& entry : entries) {
        write_entry(writer, entry);
    }
    writer.end_array();
    std::puts(out.c_str());
    return 0;
}

void print_fields(const Entry& entry) {
    std::printf("%s\n", entry.full_id().c_str());
    const auto field = [](std::string_view name, const std::string& value) {
        if (!value.empty()) {
            std::printf("  %-14.*s %s\n", static_cast<int>(name.size()), name.data(),
                        value.c_str());
        }
    };
    const auto number = [](std::uint64_t n) { return n == 0 ? std::string() : std::to_string(n); };
    if (entry.model != nullptr) {
        const Model& model = *entry.model;
        field("name", std::string(model.name));
        field("type", std::string(to_string(model.type)));
        field("context", number(model.context));
        field("max output", number(model.max_output));
        field("capabilities", capabilities(model));
        field("status", model.deprecated ? "deprecated" : model.beta ? "beta" : "");
        field("shut-down", std::string(model.until));
    }
    field("price", price_text(entry));
    if (entry.price != nullptr) {
        for (const catalog::Rate& rate : entry.price->rates) {
            field("", std::string(facts(rate.key).name) + " " + amount(rate.amount));
        }
        for (const catalog::Tier& tier : entry.price->tiers) {
            std::string text = "above " + std::to_string(tier.above) + ":";
            for (const catalog::Rate& rate : tier.rates) {
                text.append(" ").append(facts(rate.key).name).append(" ");
                text.append(amount(rate.amount));
            }
            field("", text);
        }
    }
}

int show(std::vector<Entry> entries, const ModelsOptions& options) {
    std::erase_if(entries, [&](const Entry& entry) { return !is_asked_for(entry, options.id); });
    if (entries.empty()) {
        std::fprintf(stderr, "tollgate: nothing is known about a model '%s'\n", options.id.c_str());
        return 1;
    }
    if (options.json) {
        return print(entries, true);
    }
    for (const Entry& entry : entries) {
        print_fields(entry);
    }
    return 0;
}

}  // namespace

int models(std::span<const std::string_view> arguments) {
    if (arguments.empty() || (arguments[0] != "list" && arguments[0] != "show")) {
        const bool asked = !arguments.empty() && (arguments[0] == "-h" || arguments[0] == "--help");
        std::fputs(kModelsHelp.data(), asked ? stdout : stderr);
        return asked ? 0 : 2;
    }
    const std::expected<ModelsOptions, std::string> options = parse(arguments);
    if (!options) {
        std::fprintf(stderr, "tollgate: %s\n%s", options.error().c_str(), kModelsHelp.data());
        return 2;
    }
    ConfigSource source;
    source.environment = config::process_environment();
    source.path = config::find_config(options->config, source.environment);
    const auto snapshot = load(source, nullptr);
    if (!snapshot) {
        for (const config::Problem& problem : snapshot.error()) {
            std::fprintf(stderr, "error: %s\n", to_string(problem).c_str());
        }
        return 1;
    }
    LiveModels live;
    if (options->live) {
        live = fetch_live(snapshot->snapshot, options->provider);
    }
    std::vector<Entry> entries = entries_of(*snapshot->snapshot, options->provider, live);
    catalog::Catalog all;
    const bool is_show = arguments[0] == "show";
    const bool is_found = std::ranges::any_of(
        entries, [&](const Entry& entry) { return is_asked_for(entry, options->id); });
    if (is_show ? !is_found : entries.empty() && !options->provider.empty()) {
        all = catalog::Catalog::built_in([](std::string_view) { return true; });
        for (const auto& vendor : all.vendors()) {
            if (is_show || all.vendor(options->provider) == vendor.get()) {
                std::vector<Entry> more = entries_of(*vendor);
                entries.insert(entries.end(), more.begin(), more.end());
            }
        }
        if (entries.empty()) {
            std::fprintf(stderr, "tollgate: there is no provider or vendor '%s'\n",
                         options->provider.c_str());
            return 1;
        }
    }
    return is_show ? show(std::move(entries), *options) : print(entries, options->json);
}

}  // namespace tollgate::server::cli
