// Makes a Snapshot, step by step; what is wrong is gathered and told together.
#pragma once

#include "router/snapshot.hpp"

#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tollgate::router {

class SnapshotBuilder {
public:
    SnapshotBuilder(config::Settings settings, const BuildContext& context)
        : context_(context), snapshot_(std::make_shared<Snapshot>()) {
        snapshot_->settings_ = std::move(settings);
    }

    [[nodiscard]] std::expected<SnapshotPtr, std::vector<config::Problem>> build();

private:
    void add(const config::ProviderSettings& settings, bool discovered);
    void discover();
    void deviate(Provider& provider);
    void find_credentials(Provider& provider);
    void find_google_credentials(Provider& provider);
    void find_aws_credentials(Provider& provider);
    void choose_default();
    void list_models();
    void check_aliases();
    void read_catalog();
    void warn_of_unpriced();
    void check_auto();
    void check_target(const std::string& path, const std::string& target);
    // Live state of what is configured: snapshot_health.cpp.
    void keep_health();
    void describe_records();
    void record(Provider& provider, std::string_view model);
    [[nodiscard]] std::string first_set(std::span<const std::string_view> names) const;
    void problem(const std::string& path, std::string text) {
        problems_.push_back(snapshot_->settings_.source.problem(path, std::move(text)));
    }

    const BuildContext& context_;
    std::shared_ptr<Snapshot> snapshot_;
    std::vector<config::Problem> problems_;
};

}  // namespace tollgate::router
