// Callers' keys: the look-up of one among many, and what many take in memory.
#include "router/keys/caller_table.hpp"
#include "server/caller_key.hpp"

#include <benchmark/benchmark.h>

#include <malloc.h>
#include <string>
#include <vector>

namespace {

using namespace tollgate;

router::WallTime noon() {
    return router::WallTime(std::chrono::seconds(1'764'072'000));
}

/// Keys of 100 teams; with budget and limits of their own, or without.
class Table {
public:
    Table(std::size_t count, bool has_limits) {
        const auto before = ::mallinfo2();
        std::vector<router::KeyPtr> keys;
        keys.reserve(count);
        for (std::size_t i = 0; i < count; ++i) {
            router::KeySpec spec;
            spec.settings.name = "key-" + std::to_string(i);
            spec.settings.hash = server::sha256_text(secret(i));
            spec.settings.team = "team-" + std::to_string(i % 100);
            spec.settings.models = {"smart", "openai/*"};
            if (has_limits) {
                spec.settings.limits.rpm = 60;
                spec.settings.budget = config::KeyBudget{.usd = {20'000'000}};
            }
            keys.push_back(router::Key::make(spec, 0, limits_, &profiles_));
        }
        table_ = std::make_unique<router::CallerTable>(
            std::move(keys), std::make_shared<const router::RuleSet>(), true);
        const auto after = ::mallinfo2();
        bytes_ = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
    }
    static std::string secret(std::size_t i) { return "sk-tg-0123456789-" + std::to_string(i); }
    [[nodiscard]] const router::CallerTable& table() const { return *table_; }
    [[nodiscard]] double megabytes() const { return static_cast<double>(bytes_) / 1e6; }

private:
    router::LocalLimits limits_{noon, {}};
    router::KeyProfiles profiles_;
    std::unique_ptr<router::CallerTable> table_;
    std::size_t bytes_ = 0;
};

void find_key(benchmark::State& state, bool has_limits, bool is_known) {
    constexpr std::size_t kKeys = 50'000;
    const Table keys(kKeys, has_limits);
    std::vector<std::string> secrets;
    for (std::size_t i = 0; i < 4096; ++i) {
        secrets.push_back(Table::secret(i * 7919 % kKeys + (is_known ? 0 : kKeys)));
    }
    std::size_t next = 0;
    for (auto _ : state) {
        const router::Key* const key =
            keys.table().find(server::sha256(secrets[next++ % secrets.size()]), noon());
        if ((key != nullptr) != is_known) {
            state.SkipWithError("wrong answer");
            break;
        }
    }
    state.counters["MB"] = keys.megabytes();
}
BENCHMARK_CAPTURE(find_key, known, false, true);
BENCHMARK_CAPTURE(find_key, unknown, false, false);
BENCHMARK_CAPTURE(find_key, known_with_limits, true, true);

void hash_secret(benchmark::State& state) {
    const std::string secret = Table::secret(12345);
    for (auto _ : state) {
        benchmark::DoNotOptimize(server::sha256(secret));
    }
}
BENCHMARK(hash_secret);

}  // namespace
