#include "server/keys/key_view.hpp"

#include "metrics/money.hpp"
#include "router/limits/period.hpp"

#include <algorithm>
#include <array>
#include <ctime>

namespace tollgate::server {
namespace {

constexpr unsigned kMicroDigits = 6;

std::string usd_text(const config::KeyBudget& budget) {
    metrics::DecimalText space;
    return std::string(metrics::write_decimal(budget.usd.micros, kMicroDigits, space));
}

void write_list(json::Writer& writer, std::string_view name, const std::vector<std::string>& list) {
    writer.key(name).begin_array();
    for (const std::string& one : list) {
        writer.string(one);
    }
    writer.end_array();
}

std::string joined(const std::vector<std::string>& words, std::string_view none) {
    std::string text;
    for (const std::string& word : words) {
        text.append(text.empty() ? "" : ",").append(word);
    }
    return text.empty() ? std::string(none) : text;
}

std::string limits_text(const config::KeyLimits& limits) {
    std::string text;
    const auto add = [&](std::uint64_t count, std::string_view unit) {
        if (count != 0) {
            text.append(text.empty() ? "" : " ").append(std::to_string(count)).append(unit);
        }
    };
    add(limits.rpm, "rpm");
    add(limits.tpm, "tpm");
    add(limits.concurrency, "x");
    return text.empty() ? "-" : text;
}

std::string_view state_of(const BookedKey& key, config::Timestamp now) {
    const config::KeySettings& settings = key.spec.settings;
    const bool rotating = !settings.previous_hash.empty() && now < key.spec.previous_until;
    return !settings.enabled                              ? "disabled"
           : settings.expires && *settings.expires <= now ? "expired"
           : rotating                                     ? "rotating"
                                                          : "ready";
}

}  // namespace

std::string moment_text(config::Timestamp moment) {
    const std::time_t seconds = moment.time_since_epoch().count();
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 40> text;
    return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

void write_key(json::Writer& writer, const KeyView& view, std::string_view secret) {
    const config::KeySettings& settings = view.key.spec.settings;
    writer.begin_object().member("name", settings.name);
    if (!secret.empty()) {
        writer.member("secret", secret);
    }
    writer.member("source", view.is_configured ? "config" : "run_time");
    writer.key("enabled").boolean(settings.enabled);
    writer.member("team", settings.team);
    write_list(writer, "models", settings.models);
    write_list(writer, "tags", settings.tags);
    writer.key("budget");
    if (settings.budget) {
        writer.begin_object().member("usd", usd_text(*settings.budget));
        writer.member("per", router::to_string(settings.budget->per)).end_object();
    } else {
        writer.null();
    }
    writer.key("limits").begin_object().member_count("rpm", settings.limits.rpm);
    writer.member_count("tpm", settings.limits.tpm);
    writer.member_count("concurrency", settings.limits.concurrency).end_object();
    const auto moment = [&](std::string_view name, bool is_set, config::Timestamp when) {
        writer.key(name);
        if (is_set) {
            writer.string(moment_text(when));
        } else {
            writer.null();
        }
    };
    moment("expires", settings.expires.has_value(), settings.expires.value_or(config::Timestamp()));
    moment(
        "previous_valid_until",
        !settings.previous_hash.empty() && view.key.spec.previous_until != router::WallTime::max(),
        view.key.spec.previous_until);
    moment("created", !view.is_configured, view.key.created);
    writer.end_object();
}

std::string key_table(const std::vector<KeyView>& keys, config::Timestamp now) {
    using Row = std::array<std::string, 8>;
    std::vector<Row> rows{
        {"NAME", "STATE", "SOURCE", "TEAM", "MODELS", "BUDGET", "LIMITS", "EXPIRES"}};
    for (const KeyView& view : keys) {
        const config::KeySettings& settings = view.key.spec.settings;
        rows.push_back({settings.name, std::string(state_of(view.key, now)),
                        view.is_configured ? "config" : "run time",
                        settings.team.empty() ? "-" : settings.team, joined(settings.models, "all"),
                        settings.budget ? "$" + usd_text(*settings.budget) + "/" +
                                              std::string(router::to_string(settings.budget->per))
                                        : "-",
                        limits_text(settings.limits),
                        settings.expires ? moment_text(*settings.expires) : "never"});
    }
    std::array<std::size_t, 8> widths{};
    for (const Row& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], row[i].size());
        }
    }
    std::string text;
    for (const Row& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line.append(row[i]).append(widths[i] + 2 - row[i].size(), ' ');
        }
        line.resize(line.find_last_not_of(' ') + 1);
        text.append(line).append("\n");
    }
    return text;
}

}  // namespace tollgate::server
