// What the ledger's tests share.
#pragma once

#include "metrics/ledger/entry.hpp"

#include <cstdlib>
#include <filesystem>
#include <string>

namespace tollgate::ledger::test {

/// A directory of its own, gone with the object.
struct Scratch {
    Scratch() {
        std::string name = (std::filesystem::temp_directory_path() / "ledger-XXXXXX").string();
        path = ::mkdtemp(name.data());
    }
    ~Scratch() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    std::string path;
};

inline Entry sample_entry() {
    Entry entry;
    entry.at_us = 1'764'000'000'123'456;
    entry.request_id = "0123456789abcdef0123456789abcdef";
    entry.key = "search-team";
    entry.team = "search";
    entry.user = "user-17";
    entry.endpoint = "chat";
    entry.requested_model = "smart";
    entry.provider = "openai";
    entry.model = "gpt-4o";
    entry.tags = {"a", "b"};
    entry.status = 200;
    entry.attempts = 2;
    entry.is_stream = true;
    entry.latency_us = 1'234'567;
    entry.ttft_us = 321'000;
    entry.use[Counter::input] = 1000;
    entry.use[Counter::output] = 200;
    entry.use.cost_pico = 4'500'000'000;
    entry.use.cost_by_kind = {2'500'000'000, 0, 0, 2'000'000'000, 0};
    entry.use.priced = Priced::priced;
    Spent spent{.provider = "groq", .model = "llama", .use = {}};
    spent.use[Counter::input] = 1000;
    spent.use.cost_pico = 50'000'000;
    spent.use.cost_by_kind[0] = 50'000'000;
    spent.use.priced = Priced::priced;
    entry.spent.push_back(spent);
    return entry;
}

}  // namespace tollgate::ledger::test
