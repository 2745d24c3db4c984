#include "metrics/catalog/reader.hpp"

#include "metrics/money.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace tollgate::catalog {
namespace {

/// Cuts the next word off; empty at the end.
std::string_view take_word(std::string_view& text) noexcept {
    const std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    text.remove_prefix(end);
    return word;
}

/// Cuts what is before the first `mark` off `text`, and the mark.
std::string_view take_until(std::string_view& text, char mark) noexcept {
    const std::size_t at = std::min(text.find(mark), text.size());
    const std::string_view before = text.substr(0, at);
    text.remove_prefix(std::min(at + 1, text.size()));
    return before;
}

template <class Number>
bool to_number(std::string_view text, Number& out) noexcept {
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
    return ec == std::errc() && end == text.data() + text.size();
}

std::optional<std::int32_t> to_day(std::string_view text) noexcept {
    int year = 0;
    unsigned month = 0;
    unsigned day = 0;
    if (text.size() != 10 || text[4] != '-' || text[7] != '-' ||
        !to_number(text.substr(0, 4), year) || !to_number(text.substr(5, 2), month) ||
        !to_number(text.substr(8, 2), day)) {
        return std::nullopt;
    }
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                           std::chrono::day(day)};
    if (!date.ok()) {
        return std::nullopt;
    }
    return static_cast<std::int32_t>(std::chrono::sys_days(date).time_since_epoch().count());
}

/// "01:00-04:00" as minutes of the day.
bool to_times(std::string_view text, Price& out) noexcept {
    const auto minutes = [](std::string_view clock, std::uint16_t& into) {
        std::uint16_t hour = 0;
        std::uint16_t minute = 0;
        if (clock.size() != 5 || clock[2] != ':' || !to_number(clock.substr(0, 2), hour) ||
            !to_number(clock.substr(3, 2), minute) || hour > 23 || minute > 59) {
            return false;
        }
        into = static_cast<std::uint16_t>(hour * 60 + minute);
        return true;
    };
    return text.size() == 11 && text[5] == '-' && minutes(text.substr(0, 5), out.tod_begin) &&
           minutes(text.substr(6), out.tod_end) && out.tod_begin != out.tod_end;
}

std::string quoted(std::string_view what, std::string_view text) {
    return std::string(what) + " '" + std::string(text.substr(0, 80)) + "'";
}

std::optional<std::string> take_cans(std::string_view list, Cans& out) {
    while (!list.empty()) {
        const std::string_view word = take_until(list, ',');
        std::size_t i = 0;
        while (i < kCans && to_string(static_cast<Can>(i)) != word) {
            ++i;
        }
        if (i == kCans) {
            return quoted("unknown capability", word);
        }
        out.add(static_cast<Can>(i));
    }
    return std::nullopt;
}

std::optional<Amount> to_amount(std::string_view text) noexcept {
    const std::optional<Amount> amount = metrics::parse_decimal(text, kAmountDigits);
    return amount && *amount >= 0 ? amount : std::nullopt;
}

}  // namespace

template <class T>
std::span<const T> VendorReader::keep(std::vector<T>& values) {
    if (values.empty()) {
        return {};
    }
    auto* const memory = static_cast<T*>(v_.arena_.allocate(values.size() * sizeof(T), alignof(T)));
    std::uninitialized_copy(values.begin(), values.end(), memory);
    const std::span<const T> kept(memory, values.size());
    values.clear();
    return kept;
}

VendorReader::Wrong VendorReader::rates(std::string_view rest, std::span<const Rate>& out) {
    rates_.clear();
    for (std::string_view word = take_word(rest); !word.empty(); word = take_word(rest)) {
        const std::string_view name = take_until(word, '=');
        const std::optional<Key> key = key_named(name);
        const std::optional<Amount> amount = to_amount(word);
        if (!key) {
            return quoted("unknown price key", name);
        }
        if (!amount) {
            return quoted("not an amount:", word);
        }
        if (std::ranges::find(rates_, *key, &Rate::key) != rates_.end()) {
            return quoted("twice the same price key", name);
        }
        rates_.push_back({.key = *key, .amount = *amount});
    }
    std::ranges::sort(rates_, {}, &Rate::key);
    out = keep(rates_);
    return std::nullopt;
}

VendorReader::Wrong VendorReader::vendor(std::string_view rest) {
    v_.name_ = take_word(rest);
    if (v_.name_.empty()) {
        return "a vendor without a name";
    }
    for (std::string_view word = take_word(rest); !word.empty(); word = take_word(rest)) {
        const std::string_view key = take_until(word, '=');
        if (key == "alias") {
            v_.aliases_ = word;
        } else if (const auto bills = currency_named(word); key == "bills" && bills) {
            v_.bills_ = *bills;
        } else {
            return quoted("not understood:", key);
        }
    }
    return std::nullopt;
}

VendorReader::Wrong VendorReader::model_field(Model& model, std::string_view key,
                                              std::string_view value) {
    struct Count {
        std::string_view key;
        std::uint64_t* out;
    };
    for (const Count& count : {Count{"ctx", &model.context}, Count{"in_max", &model.max_input},
                               Count{"out_max", &model.max_output}}) {
        if (count.key == key) {
            return to_number(value, *count.out) ? Wrong() : quoted("not a number:", value);
        }
    }
    struct Small {
        std::string_view key;
        std::uint32_t* out;
    };
    for (const Small& count :
         {Small{"dims", &model.dimensions}, Small{"batch_max", &model.max_batch},
          Small{"cache_min", &model.cache_min}, Small{"min_seconds", &model.min_seconds}}) {
        if (count.key == key) {
            return to_number(value, *count.out) ? Wrong() : quoted("not a number:", value);
        }
    }
    if (key == "in" || key == "out") {
        (key == "in" ? model.input : model.output) = value;
        return value.find_first_not_of("tiavp") == std::string_view::npos
                   ? Wrong()
                   : quoted("unknown modality in", value);
    }
    if (key == "can" || key == "no") {
        return take_cans(value, key == "can" ? model.can : model.cannot);
    }
    if (key == "status") {
        model.deprecated = value == "deprecated";
        model.beta = value == "beta";
        return model.deprecated || model.beta ? Wrong() : quoted("unknown status", value);
    }
    if (key == "until") {
        model.until = value;
        return to_day(value) ? Wrong() : quoted("not a date:", value);
    }
    if (key == "alias") {
        model.aliases = value;
        return std::nullopt;
    }
    return quoted("not understood:", key);
}

VendorReader::Wrong VendorReader::model(std::string_view rest) {
    finish_model();
    Model model;
    model.id = take_word(rest);
    const std::string_view type = take_word(rest);
    constexpr auto kLast = static_cast<std::size_t>(Type::search);
    std::size_t i = 0;
    while (i <= kLast && to_string(static_cast<Type>(i)) != type) {
        ++i;
    }
    if (model.id.empty() || i > kLast) {
        return quoted("expected an id and a type, not", type);
    }
    model.type = static_cast<Type>(i);
    while (!rest.empty()) {
        rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
        if (rest.starts_with("name=")) {
            model.name = rest.substr(5);
            break;
        }
        std::string_view word = take_word(rest);
        const std::string_view key = take_until(word, '=');
        if (Wrong wrong = model_field(model, key, word)) {
            return wrong;
        }
    }
    v_.models_.push_back(model);
    return std::nullopt;
}

VendorReader::Wrong VendorReader::price(std::string_view rest) {
    finish_price();
    Price price;
    const std::string_view code = take_word(rest);
    const std::optional<Currency> currency = currency_named(code);
    if (!currency) {
        return quoted("unknown currency", code);
    }
    price.currency = *currency;
    for (std::string_view left = rest;;) {
        std::string_view word = take_word(left);
        const std::string_view key = take_until(word, '=');
        if (key == "from") {
            const std::optional<std::int32_t> day = to_day(word);
            if (!day) {
                return quoted("not a date:", word);
            }
            price.from_day = *day;
        } else if (key == "tod") {
            if (!to_times(word, price)) {
                return quoted("not a time of day:", word);
            }
        } else if (key == "region") {
            price.region = word;
        } else if (key == "free" || key == "zero" || key == "suspect" || key == "converted") {
            price.mark = key == "free"      ? Mark::free
                         : key == "zero"    ? Mark::zero
                         : key == "suspect" ? Mark::suspect
                                            : Mark::converted;
        } else {
            break;
        }
        rest = left;
    }
    if (Wrong wrong = rates(rest, price.rates)) {
        return wrong;
    }
    const bool costs = std::ranges::any_of(price.rates, [](const Rate& r) { return r.amount > 0; });
    if (!costs && price.mark != Mark::free && price.mark != Mark::zero) {
        return "a price of nothing that is neither free nor zero";
    }
    prices_.push_back(price);
    return std::nullopt;
}

VendorReader::Wrong VendorReader::above(std::string_view rest) {
    Tier tier;
    const std::string_view bound = take_word(rest);
    if (prices_.empty() || !to_number(bound, tier.above) ||
        (!tiers_.empty() && tiers_.back().above >= tier.above)) {
        return quoted("not a rising number of tokens below a price:", bound);
    }
    if (Wrong wrong = rates(rest, tier.rates)) {
        return wrong;
    }
    tiers_.push_back(tier);
    return std::nullopt;
}

VendorReader::Wrong VendorReader::service(std::string_view name, std::string_view rest) {
    Service service{.name = name, .rates = {}};
    if (Wrong wrong = rates(rest, service.rates)) {
        return wrong;
    }
    services_.push_back(service);
    return name.empty() ? Wrong("a service tier without a name") : Wrong();
}

VendorReader::Wrong VendorReader::factors(std::string_view rest) {
    for (std::string_view word = take_word(rest); !word.empty(); word = take_word(rest)) {
        const std::string_view name = take_until(word, '=');
        const std::optional<Amount> factor = to_amount(word);
        if (!factor || *factor == 0) {
            return quoted("not a factor:", word);
        }
        factors_.push_back({.name = name, .factor = *factor});
    }
    return std::nullopt;
}

VendorReader::Wrong VendorReader::images(std::string_view rest) {
    for (std::string_view word = take_word(rest); !word.empty(); word = take_word(rest)) {
        const std::string_view name = take_until(word, '=');
        const std::optional<Amount> amount = to_amount(word);
        if (!amount) {
            return quoted("not an amount:", word);
        }
        images_.push_back({.name = name, .usd = *amount});
    }
    return std::nullopt;
}

void VendorReader::finish_price() {
    if (!prices_.empty() && prices_.back().tiers.empty()) {
        prices_.back().tiers = keep(tiers_);
    }
}

void VendorReader::finish_model() {
    finish_price();
    if (v_.models_.empty()) {
        return;
    }
    Model& model = v_.models_.back();
    model.prices = keep(prices_);
    model.services = keep(services_);
    model.factors = keep(factors_);
    model.images = keep(images_);
}

VendorReader::Wrong VendorReader::line(std::string_view text) {
    const bool is_part = text.starts_with(' ');
    std::string_view rest = text;
    const std::string_view word = take_word(rest);
    if (word.empty() || word.starts_with('#')) {
        return std::nullopt;
    }
    if (!is_part) {
        return word == "vendor"  ? vendor(rest)
               : word == "model" ? model(rest)
                                 : quoted("unknown record", word);
    }
    if (word == "unpriced" && v_.models_.empty()) {
        v_.unpriced_ = rest.substr(std::min<std::size_t>(1, rest.size()));
        return std::nullopt;
    }
    if (v_.models_.empty()) {
        return quoted("no model above", word);
    }
    if (word == "price") {
        return price(rest);
    }
    if (word == "above") {
        return above(rest);
    }
    if (word == "batch") {
        return service(word, rest);
    }
    if (word == "service") {
        const std::string_view name = take_word(rest);
        return service(name, rest);
    }
    if (word == "times") {
        return factors(rest);
    }
    if (word == "image") {
        return images(rest);
    }
    return quoted("unknown record", word);
}

std::expected<std::unique_ptr<Vendor>, Fault> VendorReader::read(std::string_view section,
                                                                 std::size_t number) {
    auto vendor = std::make_unique<Vendor>();
    vendor->text_ = section;
    VendorReader reader(*vendor);
    std::size_t models = 0;
    for (std::size_t at = 0; (at = section.find("\nmodel ", at)) != std::string_view::npos; ++at) {
        ++models;
    }
    vendor->models_.reserve(models);
    for (std::string_view left = vendor->text_; !left.empty(); ++number) {
        std::string_view text = take_until(left, '\n');
        if (text.ends_with('\r')) {
            text.remove_suffix(1);
        }
        if (Wrong wrong = reader.line(text)) {
            return std::unexpected(Fault{.line = number, .text = std::move(*wrong)});
        }
    }
    reader.finish_model();
    vendor->index();
    return vendor;
}

}  // namespace tollgate::catalog
