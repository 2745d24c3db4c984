// tollgate price: what a usage costs.
#pragma once

#include <span>
#include <string_view>

namespace tollgate::server::cli {

/// `arguments` behind the word "price".  One question by options, or one JSON object a line on
/// standard input and one on standard output for each.  The process's exit code.
[[nodiscard]] int price(std::span<const std::string_view> arguments);

inline constexpr std::string_view kPriceHelp =
    "usage: tollgate price MODEL [--input N] [--output N] [--cached N] [--<counter> N ...]\n"
    "                      [--at TIME] [--service batch|flex|priority] [--region R]\n"
    "                      [--currency USD|CNY|EUR] [--json] [-c FILE]\n"
    "       tollgate price [-c FILE] < QUESTIONS    one JSON object a line: vendor (or provider), "
    "model,\n"
    "                      timestamp, usage, and if wanted service, region, currency\n"
    "\n"
    "MODEL is provider/model, vendor/model or a bare id.  --input and --output are totals; cached "
    "tokens\n"
    "and all others are parts of them.  Counters are named like the keys of cost.prices.\n";

}  // namespace tollgate::server::cli
