#include "metrics/vocabulary.hpp"

#include "metrics/utf8.hpp"

#include <algorithm>

namespace tollgate::metrics {
namespace {

bool is_label_value(std::string_view name) noexcept {
    return !name.empty() && name.size() <= kMaxLabelBytes && is_utf8(name);
}

}  // namespace

std::uint16_t endpoint_id(std::string_view endpoint) noexcept {
    const auto found = std::ranges::find(kEndpoints, endpoint);
    return found == kEndpoints.end() ? std::uint16_t{0}
                                     : static_cast<std::uint16_t>(found - kEndpoints.begin());
}

std::shared_ptr<const Vocabulary> Vocabulary::grown(const Vocabulary* previous,
                                                    std::span<const TargetName> names) {
    auto result = std::make_shared<Vocabulary>(Token{});
    if (previous == nullptr) {
        result->add_provider(kOther);
    } else {
        // add_provider() also adds (provider, other), which would change the order of targets: copy
        // them as they were.
        for (const auto& name : previous->providers_) {
            const auto id = static_cast<std::uint16_t>(result->providers_.size());
            const auto& kept =
                *result->providers_.emplace_back(std::make_unique<const std::string>(*name));
            result->provider_ids_.emplace(kept, id);
        }
        for (const auto& target : previous->targets_) {
            result->add_target(target->provider, target->model);
        }
    }
    for (const TargetName& name : names) {
        const std::uint16_t provider = result->add_provider(name.provider);
        if (provider != 0) {
            result->add_target(provider, name.model);
        }
    }
    return result;
}

std::uint16_t Vocabulary::add_provider(std::string_view name) {
    if (const auto known = provider_ids_.find(name); known != provider_ids_.end()) {
        return known->second;
    }
    // A provider needs room for its `other` target too, else its unknown models would have no
    // number.
    if (!is_label_value(name) || providers_.size() >= kMaxProviders ||
        targets_.size() >= kMaxTargets) {
        return 0;
    }
    const auto id = static_cast<std::uint16_t>(providers_.size());
    const auto& kept = *providers_.emplace_back(std::make_unique<const std::string>(name));
    provider_ids_.emplace(kept, id);
    add_target(id, kOther);
    return id;
}

void Vocabulary::add_target(std::uint16_t provider, std::string_view model) {
    if (!is_label_value(model) || targets_.size() >= kMaxTargets ||
        target_ids_.contains(Key{.provider = provider, .model = model})) {
        return;
    }
    const auto id = static_cast<std::uint16_t>(targets_.size());
    const auto& kept = *targets_.emplace_back(
        std::make_unique<const Target>(Target{.provider = provider, .model = std::string(model)}));
    target_ids_.emplace(Key{.provider = provider, .model = kept.model}, id);
}

std::uint16_t Vocabulary::provider(std::string_view name) const noexcept {
    const auto found = provider_ids_.find(name);
    return found == provider_ids_.end() ? std::uint16_t{0} : found->second;
}

std::uint16_t Vocabulary::target(std::string_view provider_name,
                                 std::string_view model) const noexcept {
    const std::uint16_t id = provider(provider_name);
    if (const auto found = target_ids_.find(Key{.provider = id, .model = model});
        found != target_ids_.end()) {
        return found->second;
    }
    const auto other = target_ids_.find(Key{.provider = id, .model = kOther});
    return other == target_ids_.end() ? std::uint16_t{0} : other->second;
}

LabelIds Vocabulary::labels(const RequestRecord& record) const noexcept {
    return {.endpoint = endpoint_id(record.endpoint),
            .target =
                record.provider.empty() ? std::uint16_t{0} : target(record.provider, record.model),
            .key = record.key_label};
}

LabelIds Vocabulary::labels(const RequestRecord& record, const SpentAttempt& spent) const noexcept {
    return {.endpoint = endpoint_id(record.endpoint),
            .target = target(spent.provider, spent.model),
            .key = record.key_label};
}

std::string_view Vocabulary::provider_name(std::uint16_t provider) const noexcept {
    return provider < providers_.size() ? std::string_view(*providers_[provider]) : kOther;
}

std::string_view Vocabulary::model_name(std::uint16_t target) const noexcept {
    return target < targets_.size() ? std::string_view(targets_[target]->model) : kOther;
}

std::uint16_t Vocabulary::provider_of(std::uint16_t target) const noexcept {
    return target < targets_.size() ? targets_[target]->provider : std::uint16_t{0};
}

}  // namespace tollgate::metrics
