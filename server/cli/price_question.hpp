// One question of `tollgate price` and its answer, without input and output.
#pragma once

#include "adapters/codec/json.hpp"
#include "metrics/price.hpp"
#include "router/snapshot.hpp"

#include <chrono>
#include <expected>
#include <string>
#include <string_view>

namespace tollgate::server::cli {

struct PriceQuestion {
    std::string vendor;    ///< of the catalog: its price list as it is
    std::string provider;  ///< of the configuration: with discounts and own prices
    std::string model;
    metrics::Counts counts;
    std::chrono::system_clock::time_point when;
    std::string service;
    std::string region;
    std::string currency;  ///< wanted; empty: US dollars
};

/// What prices can be looked up in.  `snapshot` may be null: no configuration.
struct PriceBook {
    const catalog::Catalog& catalog;
    const router::Snapshot* snapshot = nullptr;
    const config::CostSettings& cost;
};

struct PriceAnswer {
    metrics::Cost cost;
    std::string_view model;  ///< the catalog's id
    bool in_own_currency = false;
};

/// A counter by the name of its key or of its usage; nothing where there is no such.
[[nodiscard]] std::optional<catalog::Key> counter_named(std::string_view name) noexcept;

/// "2026-01-31", "2026-01-31T12:30:00Z" (or without seconds or Z, with an offset), or unix seconds.
[[nodiscard]] std::optional<std::chrono::system_clock::time_point> parse_time(
    std::string_view text) noexcept;

[[nodiscard]] std::expected<PriceQuestion, std::string> read_question(
    json::Value line, std::chrono::system_clock::time_point now);

[[nodiscard]] std::expected<PriceAnswer, std::string> answer(const PriceQuestion& question,
                                                             const PriceBook& book);

/// The answer's members, into an open object.
void write_answer(json::Writer& writer, const PriceAnswer& answer);

}  // namespace tollgate::server::cli
