#include "server/keys/key_change.hpp"

#include "config/scalar.hpp"

#include <array>

namespace tollgate::server {
namespace {

namespace scalar = config::scalar;
using Done = std::expected<void, std::string>;

constexpr std::size_t kMostListed = 1000;
constexpr std::uint64_t kMostRpm = 1'000'000'000;
constexpr std::uint64_t kMostTpm = 1'000'000'000'000;
constexpr std::uint64_t kMostConcurrency = 1'000'000;
constexpr std::array<std::pair<std::string_view, config::Period>, 5> kPeriods{
    {{"hour", config::Period::hour},
     {"day", config::Period::day},
     {"week", config::Period::week},
     {"month", config::Period::month},
     {"total", config::Period::total}}};

Done wrong(std::string_view name, std::string_view why) {
    return std::unexpected(std::string(name) + ": " + std::string(why));
}

template <class To, class Parsed>
Done take(std::string_view name, To& to, Parsed parsed) {
    if (!parsed) {
        return wrong(name, parsed.error());
    }
    to = std::move(*parsed);
    return {};
}

Done take_list(std::string_view name, std::optional<std::vector<std::string>>& to,
               const std::vector<std::string>& words) {
    std::vector<std::string> list;
    for (const std::string& word : words) {
        auto parsed = name == "tags" ? scalar::name(word) : scalar::text(word);
        if (!parsed) {
            return wrong(name, parsed.error());
        }
        list.push_back(std::move(*parsed));
    }
    if (list.size() > kMostListed) {
        return wrong(name, "there are too many");
    }
    to = std::move(list);
    return {};
}

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> words;
    while (!text.empty()) {
        const std::size_t comma = text.find(',');
        words.emplace_back(text.substr(0, comma));
        text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    }
    return words;
}

Done take_budget(KeyChange& change, std::string_view usd, std::string_view per) {
    const auto amount = scalar::usd(usd);
    if (!amount) {
        return wrong("budget", amount.error());
    }
    constexpr std::int64_t kMostMicros = 4'000'000'000'000;  // 4 million USD: 64 bits of picos
    if (amount->micros > kMostMicros || amount->micros <= 0) {
        return wrong("budget", "expected an amount above 0 and up to 4000000 USD");
    }
    for (const auto& [word, period] : kPeriods) {
        if (word == per) {
            change.budget = config::KeyBudget{.usd = *amount, .per = period};
            return {};
        }
    }
    return wrong("budget", "expected per hour, day, week, month or total");
}

Done take_expires(KeyChange& change, std::string_view text, config::Timestamp now) {
    if (text.ends_with('d') || text.ends_with('h') || text.ends_with('m')) {
        const auto span =
            scalar::duration(text, std::chrono::minutes(1), std::chrono::days(36'500));
        if (!span) {
            return wrong("expires", span.error());
        }
        change.expires = now + std::chrono::duration_cast<std::chrono::seconds>(*span);
        return {};
    }
    const auto moment = scalar::timestamp(text);
    if (!moment) {
        return wrong("expires", moment.error());
    }
    change.expires = *moment;
    return {};
}

std::vector<std::string> strings_of(json::Value list) {
    std::vector<std::string> strings;
    for (const json::Value one : list) {
        strings.emplace_back(one.string());
    }
    return strings;
}

// Numbers may come as strings; amounts of money need not be doubles then.
std::string text_of(json::Value value) {
    return std::string(value.is_string() ? value.string() : value.raw());
}

Done read_limits(json::Value limits, KeyChange& change, config::Timestamp now) {
    if (limits.is_null()) {
        change.rpm = change.tpm = 0;
        change.concurrency = 0;
        return {};
    }
    if (!limits.is_object()) {
        return wrong("limits", "expected an object");
    }
    for (const json::Value member : limits) {
        const std::string_view name = member.key();
        if (name != "rpm" && name != "tpm" && name != "concurrency") {
            return wrong("limits", "there is no limit '" + std::string(name.substr(0, 40)) + "'");
        }
        if (Done done = set(change, name, text_of(member), now); !done) {
            return done;
        }
    }
    return {};
}

Done read_member(json::Value member, KeyChange& change, config::Timestamp now) {
    const std::string_view name = member.key();
    if (name == "enabled") {
        if (!member.is_bool()) {
            return wrong(name, "expected true or false");
        }
        change.enabled = member.boolean();
        return {};
    }
    if (name == "models" || name == "tags") {
        if (!member.is_array()) {
            return wrong(name, "expected a list of strings");
        }
        return take_list(name, name == "tags" ? change.tags : change.models, strings_of(member));
    }
    if (name == "limits") {
        return read_limits(member, change, now);
    }
    if (name == "budget") {
        if (member.is_null()) {
            change.budget = std::optional<config::KeyBudget>();
            return {};
        }
        if (!member.is_object() || !member["usd"].exists()) {
            return wrong(name, R"(expected {"usd": 20, "per": "month"} or null)");
        }
        return take_budget(change, text_of(member["usd"]), member["per"].string("month"));
    }
    if (name == "team" || name == "expires") {
        if (member.is_null()) {
            return set(change, name, name == "team" ? "" : "never", now);
        }
        return member.is_string() ? set(change, name, member.string(), now)
                                  : wrong(name, "expected a string");
    }
    return wrong(name.substr(0, 40), "there is no such field");
}

}  // namespace

void KeyChange::apply(config::KeySettings& key) const {
    key.enabled = enabled.value_or(key.enabled);
    key.team = team.value_or(key.team);
    key.models = models.value_or(key.models);
    key.tags = tags.value_or(key.tags);
    key.budget = budget.value_or(key.budget);
    key.limits.rpm = rpm.value_or(key.limits.rpm);
    key.limits.tpm = tpm.value_or(key.limits.tpm);
    key.limits.concurrency = concurrency.value_or(key.limits.concurrency);
    key.expires = expires.value_or(key.expires);
}

Done set(KeyChange& change, std::string_view name, std::string_view text, config::Timestamp now) {
    if (name == "team") {
        return text.empty() ? take(name, change.team, std::expected<std::string, std::string>())
                            : take(name, change.team, scalar::text(text));
    }
    if (name == "models" || name == "tags") {
        return take_list(name, name == "tags" ? change.tags : change.models, split(text));
    }
    if (name == "rpm" || name == "tpm") {
        return take(name, name == "rpm" ? change.rpm : change.tpm,
                    scalar::integer(text, 0, name == "rpm" ? kMostRpm : kMostTpm));
    }
    if (name == "concurrency") {
        const auto count = scalar::integer(text, 0, kMostConcurrency);
        if (!count) {
            return wrong(name, count.error());
        }
        change.concurrency = static_cast<unsigned>(*count);
        return {};
    }
    if (name == "expires") {
        if (text == "never") {
            change.expires = std::optional<config::Timestamp>();
            return {};
        }
        return take_expires(change, text, now);
    }
    if (name == "budget") {
        if (text == "none") {
            change.budget = std::optional<config::KeyBudget>();
            return {};
        }
        const std::size_t slash = text.find('/');
        return take_budget(change, text.substr(0, slash),
                           slash == std::string_view::npos ? "month" : text.substr(slash + 1));
    }
    return wrong(name.substr(0, 40), "there is no such setting");
}

std::expected<KeyRequest, std::string> read_key_request(json::Value object, bool wants_name,
                                                        config::Timestamp now) {
    KeyRequest request;
    for (const json::Value member : object) {
        if (wants_name && member.key() == "name") {
            auto name = scalar::name(member.string());
            if (!name) {
                return std::unexpected("name: " + name.error());
            }
            request.name = std::move(*name);
        } else if (const Done done = read_member(member, request.change, now); !done) {
            return std::unexpected(done.error());
        }
    }
    if (wants_name && request.name.empty()) {
        return std::unexpected("name: is missing");
    }
    return request;
}

}  // namespace tollgate::server
