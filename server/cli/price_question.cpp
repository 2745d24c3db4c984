#include "server/cli/price_question.hpp"

#include <charconv>
#include <optional>

namespace tollgate::server::cli {
namespace {

using std::chrono::system_clock;

// Beyond what any sum in money needs; enough for a relative error below 10^-9 of the smallest call.
constexpr unsigned kDigits = 20;

template <class Number>
bool take_number(std::string_view& text, std::size_t digits, Number& out) noexcept {
    if (text.size() < digits) {
        return false;
    }
    const auto [end, ec] = std::from_chars(text.data(), text.data() + digits, out);
    const bool good = ec == std::errc() && end == text.data() + digits && text[0] != '-';
    text.remove_prefix(digits);
    return good;
}

bool take(std::string_view& text, char c) noexcept {
    if (!text.starts_with(c)) {
        return false;
    }
    text.remove_prefix(1);
    return true;
}

/// "Z", "+08:00" or nothing, as minutes ahead of UTC.
std::optional<int> take_offset(std::string_view& text) noexcept {
    if (text.empty() || take(text, 'Z')) {
        return 0;
    }
    const bool behind = text.starts_with('-');
    int hours = 0;
    int minutes = 0;
    text.remove_prefix(1);
    if (!take_number(text, 2, hours) || !take(text, ':') || !take_number(text, 2, minutes)) {
        return std::nullopt;
    }
    return (behind ? -1 : 1) * (hours * 60 + minutes);
}

std::string shown(std::string_view text) {
    return "'" + std::string(text.substr(0, 100)) + "'";
}

std::expected<void, std::string> read_usage(json::Value usage, metrics::Counts& out) {
    if (!usage.is_object()) {
        return std::unexpected("usage is missing or no object");
    }
    for (const json::Value counter : usage) {
        const std::optional<catalog::Key> key = counter_named(counter.key());
        const std::optional<std::int64_t> count = counter.integer();
        if (!key) {
            return std::unexpected("unknown counter " + shown(counter.key()));
        }
        if (!count && !counter.is_null()) {
            return std::unexpected("the counter " + shown(counter.key()) + " is no whole number");
        }
        out[*key] = count.value_or(0);
    }
    return {};
}

/// The price list of a vendor of the catalog, without what the configuration puts on it.
metrics::Terms list_terms(const config::CostSettings& cost, std::string_view region) {
    const config::ProviderSettings plain;
    metrics::Terms terms = router::ModelPrices(nullptr, plain, cost, {}).terms();
    terms.region = region;
    return terms;
}

}  // namespace

std::optional<catalog::Key> counter_named(std::string_view name) noexcept {
    if (name == "cached") {
        return catalog::Key::cache_read;
    }
    for (std::size_t i = 0; i < catalog::kKeys; ++i) {
        if (catalog::kKeyFacts[i].usage == name) {
            return static_cast<catalog::Key>(i);
        }
    }
    return catalog::key_named(name);
}

std::optional<system_clock::time_point> parse_time(std::string_view text) noexcept {
    using namespace std::chrono;
    if (std::int64_t unix_seconds = 0; text.size() > 8 || !text.contains('-')) {
        const auto [end, ec] =
            std::from_chars(text.data(), text.data() + text.size(), unix_seconds);
        if (ec == std::errc() && end == text.data() + text.size()) {
            constexpr std::int64_t kMost = 253'402'300'799;  // year 9999
            return unix_seconds >= 0 && unix_seconds <= kMost
                       ? std::optional(system_clock::time_point(seconds(unix_seconds)))
                       : std::nullopt;
        }
    }
    int y = 0;
    unsigned m = 0;
    unsigned d = 0;
    if (!take_number(text, 4, y) || !take(text, '-') || !take_number(text, 2, m) ||
        !take(text, '-') || !take_number(text, 2, d)) {
        return std::nullopt;
    }
    const year_month_day date{year(y), month(m), day(d)};
    if (!date.ok()) {
        return std::nullopt;
    }
    system_clock::time_point when = sys_days(date);
    if (text.empty()) {
        return when;
    }
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (!(take(text, 'T') || take(text, ' ')) || !take_number(text, 2, hour) || !take(text, ':') ||
        !take_number(text, 2, minute)) {
        return std::nullopt;
    }
    if (take(text, ':')) {
        if (!take_number(text, 2, second)) {
            return std::nullopt;
        }
        if (take(text, '.')) {
            text.remove_prefix(std::min(text.find_first_not_of("0123456789"), text.size()));
        }
    }
    const std::optional<int> ahead = take_offset(text);
    if (!ahead || !text.empty() || hour > 23 || minute > 59 || second > 60) {
        return std::nullopt;
    }
    return when + hours(hour) + minutes(minute - *ahead) + seconds(second);
}

std::expected<PriceQuestion, std::string> read_question(json::Value line,
                                                        system_clock::time_point now) {
    if (!line.is_object()) {
        return std::unexpected("not a JSON object");
    }
    PriceQuestion question;
    question.vendor = line["vendor"].string();
    question.provider = line["provider"].string();
    question.model = line["model"].string();
    question.service = line["service"].string(line["service_tier"].string());
    question.region = line["region"].string();
    question.currency = line["currency"].string();
    if (line["batch"].boolean()) {
        question.service = "batch";
    }
    if (question.model.empty()) {
        return std::unexpected("model is missing");
    }
    const json::Value timestamp = line["timestamp"];
    const auto when = timestamp.is_string()   ? parse_time(timestamp.string())
                      : timestamp.is_number() ? parse_time(timestamp.raw())
                                              : std::optional(now);
    if (!when) {
        return std::unexpected("timestamp is no time such as 2026-01-31T12:30:00Z");
    }
    question.when = *when;
    question.counts[catalog::Key::request] = 1;
    if (auto read = read_usage(line["usage"], question.counts); !read) {
        return std::unexpected(std::move(read.error()));
    }
    return question;
}

std::expected<PriceAnswer, std::string> answer(const PriceQuestion& question,
                                               const PriceBook& book) {
    const auto currency = catalog::currency_named(question.currency);
    if (!question.currency.empty() && !currency) {
        return std::unexpected("unknown currency " + shown(question.currency));
    }
    const router::Provider* const provider = book.snapshot == nullptr || question.provider.empty()
                                                 ? nullptr
                                                 : book.snapshot->provider(question.provider);
    const metrics::Circumstances circumstances{.when = question.when, .service = question.service};
    PriceAnswer result;
    std::expected<metrics::Cost, std::string> cost;
    std::string_view why;
    if (provider != nullptr) {
        const catalog::Model* const model = provider->prices.find(question.model);
        cost = provider->prices.price(model, question.counts, circumstances);
        result.model = model == nullptr ? std::string_view(question.model) : model->id;
    } else {
        const std::string& name = question.vendor.empty() ? question.provider : question.vendor;
        const catalog::Vendor* const vendor = book.catalog.vendor(name);
        if (vendor == nullptr) {
            return std::unexpected("unknown vendor " + shown(name));
        }
        const catalog::Model* const model = vendor->find(question.model);
        if (model == nullptr) {
            return std::unexpected("unknown model " + shown(question.model) + " of " + name);
        }
        metrics::Terms terms = list_terms(book.cost, question.region);
        terms.currency = currency.value_or(catalog::Currency::usd);
        cost = metrics::price(*model, question.counts, terms, circumstances);
        result.model = model->id;
    }
    if (!cost) {
        return std::unexpected(std::move(cost.error()));
    }
    if (cost->priced == metrics::Priced::no_price) {
        return std::unexpected("no price is known for " + shown(question.model));
    }
    result.in_own_currency = currency && *currency == cost->currency;
    if (currency && !result.in_own_currency && *currency != catalog::Currency::usd) {
        return std::unexpected(shown(question.model) + " has no price in " + question.currency);
    }
    result.cost = *cost;
    return result;
}

void write_answer(json::Writer& writer, const PriceAnswer& answer) {
    const metrics::Cost& cost = answer.cost;
    writer.member("model", answer.model);
    writer.member("cost",
                  metrics::to_decimal(answer.in_own_currency ? cost.own : cost.usd, kDigits));
    writer.member("currency", answer.in_own_currency ? to_string(cost.currency)
                                                     : to_string(catalog::Currency::usd));
    writer.key("picodollars").integer(cost.pico);
    if (cost.currency != catalog::Currency::usd) {
        writer.member("list_cost", metrics::to_decimal(cost.own, kDigits));
        writer.member("list_currency", to_string(cost.currency));
    }
    writer.key("billed").boolean(cost.counts());
    if (!cost.counts()) {
        writer.member("note", cost.priced == metrics::Priced::zero
                                  ? "listed at 0, which may mean unpublished: counted as unpriced"
                                  : "the listed price must be a typing error: counted as unpriced");
    }
}

}  // namespace tollgate::server::cli
