// The command line.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::server::cli {

enum class Command : unsigned char { serve, check, version, help, usage };

struct Options {
    Command command = Command::serve;
    std::optional<std::string> config;  ///< -c FILE
    std::vector<std::string> listen;    ///< --listen ADDRESS, repeated: instead of server.listen
    bool json = false;                  ///< --json
    // usage
    std::string by = "day";        ///< --by, repeated or with commas
    bool is_grouped = false;       ///< --by was given
    std::string since;             ///< --since; empty: the begin of the month
    std::string until;             ///< --until; empty: now
    std::string format = "table";  ///< --format
};

/// The arguments without the program's name.  The error is a sentence for standard error.
[[nodiscard]] std::expected<Options, std::string> parse_options(
    const std::vector<std::string_view>& arguments);

inline constexpr std::string_view kHelp =
    "tollgate: an OpenAI-compatible gateway in front of every LLM vendor\n"
    "\n"
    "usage: tollgate [serve] [-c FILE] [--listen ADDRESS]   start the gateway\n"
    "       tollgate check [-c FILE] [--json]               validate a configuration; exit 0 or 1\n"
    "       tollgate models list|show [-h]                  what is known about models\n"
    "       tollgate keys create|list|disable|enable|rotate|delete [-h]\n"
    "                                                       callers' keys\n"
    "       tollgate price [-h]                             what a usage costs\n"
    "       tollgate explain [--model M] PROMPT             what the router would choose, and why\n"
    "       tollgate usage [--by provider|model|key|team|tag|user|hour|day|month ...]\n"
    "                      [--since T] [--until T] [--format table|csv|json]\n"
    "                                                       what was used and what it cost\n"
    "       tollgate version                                print the version\n"
    "\n"
    "  -c, --config FILE   the configuration; else $TOLLGATE_CONFIG, ./tollgate.yaml, "
    "~/.config/tollgate/tollgate.yaml,\n"
    "                      else none: vendors are found by the API keys in the environment\n"
    "  --listen ADDRESS    127.0.0.1:4000, [::1]:4000 or unix:/path; may be repeated; instead of "
    "server.listen\n"
    "  --by                several with commas; day unless named\n"
    "  --since, --until    2025-11-25, 2025-11-25T13:00, 7d, 24h, today or month (the default), in "
    "UTC\n"
    "  -h, --help          this text\n";

}  // namespace tollgate::server::cli
