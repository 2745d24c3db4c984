// router/ — from a model name to the places that may answer it.
// May include: adapters/, failover/, config/, metrics/, std.  No I/O.  Start here: Snapshot.
#pragma once

#include "adapters/vendor.hpp"
#include "config/environment.hpp"
#include "config/settings.hpp"
#include "failover/failure.hpp"
#include "metrics/catalog/catalog.hpp"
#include "metrics/vocabulary.hpp"
#include "router/model_prices.hpp"

#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::router {

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
    bool usable = false;
    std::string problem;  ///< why it is not usable, in words for an operator

private:
    friend class SnapshotBuilder;
    std::vector<std::string_view> drop_;  // storage behind vendor.request.drop
};

/// One place that may answer: a provider and the vendor's model id.
struct RoutedTarget {
    const Provider* provider = nullptr;
    std::string_view model;  ///< lives as long as the snapshot or the request
};

struct Route {
    std::vector<RoutedTarget> targets;  ///< in the order in which they are to be tried; never empty
    std::string_view
        reason;              ///< token for x-tollgate-route: "direct", "default", "alias", "listed"
    std::string_view alias;  ///< the alias that matched; empty: none
};

/// A name that clients may use, for GET /v1/models.
struct ListedModel {
    std::string id;
    std::string owner;
};

struct AutoPlan;  // router/auto/plan.hpp

/// What the builder must be told about the world besides the settings.
struct BuildContext {
    config::Environment environment;
    bool discover =
        false;  ///< no configuration file: use every vendor whose key is in the environment
    std::function<bool(std::string_view url)>
        answers;  ///< discover: does a local server answer there?
    const metrics::Vocabulary* previous_vocabulary = nullptr;
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
    [[nodiscard]] const std::vector<ListedModel>& models() const noexcept { return models_; }
    [[nodiscard]] const std::vector<config::Problem>& warnings() const noexcept {
        return warnings_;
    }

    /// What the auto-router may choose.
    [[nodiscard]] const AutoPlan& auto_plan() const noexcept { return *auto_plan_; }

    /// Where a request for `model` may go: an alias, "provider/model", a model that a provider
    /// lists, else the default provider.  `random` is a fresh random number, for weighted groups.
    /// Fails with unknown_model, saying what exists.
    [[nodiscard]] Result<Route> route(std::string_view model, adapters::Operation operation,
                                      std::uint64_t random) const;

private:
    friend class SnapshotBuilder;
    void expand(std::string_view name, std::uint64_t random, unsigned depth,
                std::vector<RoutedTarget>& out) const;
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
    std::vector<ListedModel> models_;
    std::shared_ptr<const AutoPlan> auto_plan_;
    std::vector<config::Problem> warnings_;
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

}  // namespace tollgate::router
