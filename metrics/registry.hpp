// The scrape: sums the workers' shards and writes the Prometheus text format or OpenMetrics.
#pragma once

#include "metrics/ledger/figures.hpp"
#include "metrics/names.hpp"
#include "metrics/shard.hpp"
#include "metrics/vocabulary.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tollgate::metrics {

enum class Format : std::uint8_t { text, openmetrics };

/// The format to answer with, from an Accept header (empty: none was sent).  OpenMetrics only when
/// asked for by name and not at a lower preference than text/plain.
[[nodiscard]] Format negotiate(std::string_view accept) noexcept;
/// The Content-Type that goes with a format.
[[nodiscard]] std::string_view content_type(Format format) noexcept;

/// A gauge that the caller reads at the moment of the scrape.
struct LiveSample {
    Series series;
    std::vector<std::string> labels;  ///< in the order of the series' row
    double value = 0;
};

/// A caller's key as its number tells it.
struct KeyLabel {
    std::string key;
    std::string team;
};
/// What a scrape asks for beyond the shards.
struct LimitFigures {
    struct Rejections {
        std::string key;
        std::string_view limit;
        std::uint64_t count = 0;
    };
    struct BudgetFigures {
        std::string_view scope;
        std::string name;
        std::string_view per;
        double limit = 0;  ///< USD, as are the next two
        double spent = 0;
        double reserved = 0;
    };
    std::vector<KeyLabel> keys;                                      ///< by number
    std::vector<std::pair<std::string_view, std::uint64_t>> alerts;  ///< by result
    std::vector<Rejections> rejections;
    std::vector<BudgetFigures> budgets;
};

/// Names the numbers that are no configured key's (record.hpp), and makes room for them.
void name_fixed_keys(std::vector<KeyLabel>& keys);

struct RegistryOptions {
    ShardOptions shard = {};
    std::string version = "unknown";  ///< label of tollgate_build_info
    /// E.g. Logger::dropped_lines; called at every scrape.  Null: the series is not shown.
    std::function<std::uint64_t()> log_lines_dropped = nullptr;
    /// Called at every scrape.  Null: there are neither keys nor limits.
    std::function<LimitFigures()> limits = nullptr;
    bool litellm_names = false;  ///< tell it again under LiteLLM's names (litellm.hpp)
};

/// Any thread may call any method; only a scrape, a reload or a worker's start takes the lock.
class Registry {
public:
    explicit Registry(RegistryOptions options = {});

    /// A shard for one worker, which alone may write it.  It lives as long as the registry, also
    /// after the worker's end, so that counters never go back.
    [[nodiscard]] Shard& add_shard();
    /// The names to render with; call before the snapshot that uses them goes to the workers.  Must
    /// be grown from the one before.
    void set_vocabulary(std::shared_ptr<const Vocabulary> vocabulary);
    void count_reload(bool applied) noexcept;
    /// Asked at every scrape, under the registry's lock; null: there is no ledger (any more).
    void watch_ledger(std::function<ledger::Figures()> figures);

    /// `live` comes in the order of its series.
    [[nodiscard]] std::string exposition(Format format,
                                         std::span<const LiveSample> live = {}) const;

private:
    RegistryOptions options_;
    mutable std::mutex mutex_;
    std::vector<std::unique_ptr<Shard>> shards_;
    std::shared_ptr<const Vocabulary> vocabulary_;
    std::function<ledger::Figures()> ledger_figures_;
    std::atomic<std::uint64_t> reloads_applied_{0};
    std::atomic<std::uint64_t> reloads_rejected_{0};
};

}  // namespace tollgate::metrics
