// Fills a ledger with many requests through the journal's own importer path, and times reports:
//   ledger_fill DIRECTORY [ROWS]
#include "metrics/ledger/report.hpp"
#include "metrics/ledger/store.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>

namespace {

using namespace tollgate::ledger;
using Seconds = std::chrono::duration<double>;

double since(std::chrono::steady_clock::time_point begin) {
    return Seconds(std::chrono::steady_clock::now() - begin).count();
}

bool fill(Store& store, std::size_t rows) {
    std::mt19937_64 random(1);
    std::vector<std::string> keys, teams, users, models, tags;
    for (int i = 0; i < 500; ++i) {
        keys.push_back("key-" + std::to_string(i));
        teams.push_back("team-" + std::to_string(i / 25));
    }
    for (int i = 0; i < 5000; ++i) {
        users.push_back("user-" + std::to_string(i));
    }
    for (int i = 0; i < 20; ++i) {
        models.push_back("model-" + std::to_string(i));
        tags.push_back("tag-" + std::to_string(i));
    }
    constexpr std::int64_t kDays = 90;
    constexpr std::int64_t kStart = 1'756'684'800;  // 2025-09-01
    constexpr std::size_t kBatch = 200'000;
    Entry entry;
    entry.endpoint = "chat";
    entry.status = 200;
    entry.attempts = 1;
    char id[40];
    for (std::size_t row = 0; row < rows;) {
        if (!store.begin()) {
            return false;
        }
        for (std::size_t i = 0; i < kBatch && row < rows; ++i, ++row) {
            // A key uses few models, as it is in life.
            const std::size_t key = random() % keys.size();
            const std::size_t model = (key + random() % 3) % models.size();
            entry.at_us = (kStart * 1'000'000) +
                          static_cast<std::int64_t>(static_cast<double>(row) /
                                                    static_cast<double>(rows) * kDays * 86400e6);
            std::snprintf(id, sizeof id, "%016llx%016zx", static_cast<unsigned long long>(random()),
                          row);
            entry.request_id = id;
            entry.key = keys[key];
            entry.team = teams[key];
            entry.user = users[key * 10 + random() % 10];
            entry.tags.assign(1, tags[key % tags.size()]);
            entry.requested_model = entry.model = models[model];
            entry.provider = model % 2 == 0 ? "openai" : "anthropic";
            entry.use[Counter::input] = random() % 4000;
            entry.use[Counter::output] = random() % 1000;
            entry.use.cost_pico = static_cast<std::int64_t>(random() % 20'000'000'000);
            entry.use.priced = Priced::priced;
            entry.latency_us = random() % 5'000'000;
            entry.ttft_us = random() % 1'000'000;
            if (!store.add(entry)) {
                return false;
            }
        }
        if (!store.commit()) {
            return false;
        }
    }
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: ledger_fill DIRECTORY [ROWS]\n");
        return 2;
    }
    const std::string path = std::string(argv[1]) + "/ledger.sqlite";
    const std::size_t rows = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 10'000'000;
    if (!std::filesystem::exists(path)) {
        const auto begin = std::chrono::steady_clock::now();
        auto store = Store::open(path, Durability::process);
        if (!store || !fill(*store, rows)) {
            std::fprintf(stderr, "cannot fill %s\n", path.c_str());
            return 1;
        }
        std::printf(
            "%zu rows in %.1f s, %.0f rows/s, %.1f bytes/row\n", rows, since(begin),
            static_cast<double>(rows) / since(begin),
            static_cast<double>(std::filesystem::file_size(path)) / static_cast<double>(rows));
    }
    for (const char* const by : {"", "provider", "model", "key", "team", "tag", "user", "month",
                                 "day", "provider,model,day", "team,month", "key,day", "hour"}) {
        Query query;
        query.by = *parse_dimensions(by);
        double best = 1e9;
        std::size_t lines = 0;
        for (int i = 0; i < 3; ++i) {
            const auto begin = std::chrono::steady_clock::now();
            const auto made = report(path, query);
            best = std::min(best, since(begin));
            lines = made ? made->rows.size() : 0;
        }
        std::printf("by %-20s %6zu rows %8.1f ms\n", by, lines, best * 1000);
    }
    return 0;
}
