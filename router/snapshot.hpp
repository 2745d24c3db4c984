// router/ — from a model name to the places that may answer it.
// May include: adapters/, failover/, config/, metrics/, std.  No I/O.  Start here: Snapshot.
#pragma once

#include "adapters/vendor.hpp"
#include "config/environment.hpp"
#include "config/settings.hpp"
#include "failover/failure.hpp"
#include "failover/health.hpp"
#include "metrics/catalog/catalog.hpp"
#include "metrics/vocabulary.hpp"
#include "router/model_prices.hpp"

#include <atomic>
#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::router {

class Draw;

/// What is known about one model of one provider.
struct TargetRecord {
    failover::HealthTable::Entry* live = nullptr;  ///< never null in a snapshot
    const catalog::Model* known = nullptr;         ///< as Provider::prices has it; null: look there
    std::uint64_t window = 0;                      ///< tokens of context; 0: not known
    /// Pico-dollars of 3000 tokens in and 1000 out; nothing: not known.
    std::optional<std::int64_t> typical_price = {};
    std::optional<std::int64_t> cached_price = {};  ///< the same, its input from the vendor's cache
};

/// One configured vendor instance, ready to be used.
struct Provider {
    std::size_t index = 0;    ///< position in Snapshot::providers()
    std::uint16_t label = 0;  ///< number in the metrics vocabulary
    config::ProviderSettings settings;
    adapters::Vendor
        vendor;  ///< the catalog's description with the configuration's deviations applied
    adapters::Endpoint endpoint;
    std::vector<config::Secret>
        keys;  ///< from the configuration, else from the vendor's environment variables
    std::string google_credentials;    ///< text of a service-account key; empty: none
    bool google_metadata = false;      ///< take tokens from the metadata server
    std::string google_metadata_host;  ///< $GCE_METADATA_HOST; empty: Google's name
    std::string default_model;
    ModelPrices prices;  ///< and whatever else is known about its models
    std::vector<failover::HealthTable::Entry*>
        key_live;  ///< of keys, in their order; one where there is no key in the configuration
    failover::HealthTable::Entry* reach = nullptr;  ///< of its address, as active checks found it
    std::map<std::string, TargetRecord, std::less<>>
        records;          ///< of models the file or vendor names
    TargetRecord others;  ///< what all other models share
    /// Counts the calls of a demo vendor, whose faults fall on certain ones.
    std::shared_ptr<std::atomic<std::uint64_t>> demo_calls =
        std::make_shared<std::atomic<std::uint64_t>>(0);
    /// What is known about a model, by its name here.
    [[nodiscard]] const TargetRecord& record(std::string_view model) const noexcept {
        const auto found = records.find(model);
        return found == records.end() ? others : found->second;
    }
    bool usable = false;
    std::string problem;  ///< why it is not usable, in words for an operator

private:
    friend class SnapshotBuilder;
    std::vector<std::string_view> drop_;  // storage behind vendor.request.drop
};

/// One place that may answer: a provider and the vendor's model id.
struct RoutedTarget {
    const Provider* provider = nullptr;
    std::string_view model;                ///< lives as long as the snapshot or the request
    const TargetRecord* record = nullptr;  ///< never null in a route
    const config::TimeoutOverrides* timeouts = nullptr;  ///< of the target in its alias; or null
    /// What is known about the model; null: nothing.
    [[nodiscard]] const catalog::Model* known() const {
        return record->known != nullptr ? record->known : provider->prices.find(model);
    }
};

/// Whether both are the same model at the same provider.
[[nodiscard]] bool is_same_place(const RoutedTarget& a, const RoutedTarget& b) noexcept;
/// Puts the target behind the others; false: its place is among them already.
bool append_new(const RoutedTarget& target, std::vector<RoutedTarget>& targets);

/// A target that was considered and is not among those to be tried.
struct LeftOut {
    std::string target;  ///< "provider/model"
    std::string reason;
};

struct Route {
    std::vector<RoutedTarget> targets;  ///< in the order in which they are to be tried; never empty
    std::vector<LeftOut> left_out;
    const config::ModelAlias* group = nullptr;  ///< the alias that matched, or null
    std::string_view
        reason;  ///< token for x-tollgate-route: "direct", "default", "alias", "listed", "catalog"
    std::string_view alias;  ///< the alias that matched; empty: none
};

/// The failure that says of each target why it cannot serve.
[[nodiscard]] Failure cannot_serve(std::string_view model, std::span<const LeftOut> left_out);

struct AutoPlan;  // router/auto/plan.hpp

/// What the builder must be told about the world besides the settings.
struct BuildContext {
    config::Environment environment;
    bool discover =
        false;  ///< no configuration file: use every vendor whose key is in the environment
    std::function<bool(std::string_view url)>
        answers;  ///< discover: does a local server answer there?
    const metrics::Vocabulary* previous_vocabulary = nullptr;
    std::shared_ptr<failover::HealthTable> health =
        nullptr;  ///< of the snapshot before; null: a new one
    std::function<std::expected<std::string, std::string>(const std::string& path)>
        read_file;  ///< for key files
};

/// Everything that a request may read of the configuration.  Immutable; an exchange keeps the one
/// it started with.
class Snapshot {
public:
    /// Fails with every problem found.
    [[nodiscard]] static std::expected<std::shared_ptr<const Snapshot>,
                                       std::vector<config::Problem>>
    build(config::Settings settings, const BuildContext& context);

    [[nodiscard]] const config::Settings& settings() const noexcept { return settings_; }
    [[nodiscard]] const std::deque<Provider>& providers() const noexcept { return providers_; }
    [[nodiscard]] const Provider* provider(std::string_view name) const noexcept;
    [[nodiscard]] const Provider* default_provider() const noexcept { return default_provider_; }
    [[nodiscard]] const metrics::Vocabulary& vocabulary() const noexcept { return *vocabulary_; }
    [[nodiscard]] const std::shared_ptr<const metrics::Vocabulary>& shared_vocabulary()
        const noexcept {
        return vocabulary_;
    }
    [[nodiscard]] const std::vector<config::Problem>& warnings() const noexcept {
        return warnings_;
    }

    /// What the auto-router may choose.
    [[nodiscard]] const AutoPlan& auto_plan() const noexcept { return *auto_plan_; }

    /// Live state by name, shared with the snapshots before and after this one.
    [[nodiscard]] const std::shared_ptr<failover::HealthTable>& health() const noexcept {
        return health_;
    }
    [[nodiscard]] const failover::HealthOptions& health_options() const noexcept {
        return health_options_;
    }

    /// Some group or pool chooses by usage, so vendors' rate limits are read from their answers.
    [[nodiscard]] bool watches_rates() const noexcept { return watches_rates_; }

    /// Where a request for `model` may go: an alias, "provider/model", a model that a provider
    /// lists or the catalog knows as its own, else the default provider.  `random` is a fresh
    /// random number, for the choices of groups; `now` is held against what is known about targets.
    /// Fails with unknown_model, saying what exists.
    [[nodiscard]] Result<Route> route(std::string_view model, adapters::Operation operation,
                                      std::uint64_t random,
                                      failover::Clock::time_point now = {}) const;
    /// May the target be used for now: does it not rest, has it a key that does not?
    [[nodiscard]] bool is_well(const RoutedTarget& target,
                               failover::Clock::time_point now) const noexcept;

private:
    friend class SnapshotBuilder;
    void expand(std::string_view name, Draw& draw, unsigned depth, failover::Clock::time_point now,
                std::vector<RoutedTarget>& out) const;
    void expand_group(const config::ModelAlias& alias, Draw& draw, unsigned depth,
                      failover::Clock::time_point now, std::vector<RoutedTarget>& out) const;
    void put_unwell_last(std::vector<RoutedTarget>& targets, failover::Clock::time_point now) const;
    [[nodiscard]] const Provider* owner_in_catalog(std::string_view model) const;
    [[nodiscard]] bool resolve_plain(std::string_view model, Route& route) const;
    [[nodiscard]] Failure unknown(std::string_view model) const;

    config::Settings settings_;
    catalog::Catalog catalog_;        ///< of the vendors that are configured
    std::deque<Provider> providers_;  // deque: endpoints point at their provider's vendor
    std::map<std::string, const Provider*, std::less<>> by_name_;
    std::map<std::string, const config::ModelAlias*, std::less<>> aliases_;
    std::map<std::string, RoutedTarget, std::less<>>
        listed_;  // models that providers list, by bare id
    const Provider* default_provider_ = nullptr;
    std::shared_ptr<const metrics::Vocabulary> vocabulary_;
    std::shared_ptr<const AutoPlan> auto_plan_;
    std::shared_ptr<failover::HealthTable> health_;
    failover::HealthOptions health_options_;
    bool watches_rates_ = false;
    std::vector<config::Problem> warnings_;
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

}  // namespace tollgate::router
