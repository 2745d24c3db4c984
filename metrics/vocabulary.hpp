// The label values that metrics may carry: they come from the configuration and from fixed lists,
// so what a client invents cannot add a series (it becomes `other`).
#pragma once

#include "metrics/record.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tollgate::metrics {

inline constexpr std::size_t kMaxProviders = 1024;
inline constexpr std::size_t kMaxTargets = 4096;
inline constexpr std::size_t kMaxKeys = 1024;  ///< those without a key of their own included
/// A longer name, or one that is not UTF-8, cannot be a label value and becomes `other`.
inline constexpr std::size_t kMaxLabelBytes = 200;
inline constexpr std::string_view kOther = "other";

/// Values of the `endpoint` label; index 0 is `other`.
inline constexpr std::array<std::string_view, 16> kEndpoints{
    kOther,     "chat",         "completions", "embeddings", "models",      "responses",
    "messages", "count_tokens", "images",      "audio",      "moderations", "rerank",
    "health",   "metrics",      "admin",       "shadow"};
[[nodiscard]] std::uint16_t endpoint_id(std::string_view endpoint) noexcept;

/// A configured (provider, model) pair.
struct TargetName {
    std::string_view provider;
    std::string_view model;
};

/// Label values of one exchange as numbers, made by Vocabulary::labels() (or kept with a routed
/// target).
struct LabelIds {
    std::uint16_t endpoint = 0;
    std::uint16_t target = 0;
    std::uint16_t key = kNoKey;  ///< the caller's
};

/// Provider and model names numbered for the life of the process; immutable, shared by all threads.
/// A reload makes a grown one in which every earlier number keeps its meaning, so that shards need
/// no reset and an exchange that still holds the previous snapshot counts correctly.  Number 0
/// means `other`.
class Vocabulary {
    struct Token {};  // makes the constructor callable by grown() only, yet usable by make_shared

public:
    /// `previous` (may be null) plus these names.  Every provider also gets the target (provider,
    /// other). What does not fit under kMaxProviders or kMaxTargets maps to `other`.
    [[nodiscard]] static std::shared_ptr<const Vocabulary> grown(const Vocabulary* previous,
                                                                 std::span<const TargetName> names);
    explicit Vocabulary(Token) {}
    Vocabulary(const Vocabulary&) = delete;
    Vocabulary& operator=(const Vocabulary&) = delete;

    /// 0 when unknown.  No allocation.
    [[nodiscard]] std::uint16_t provider(std::string_view name) const noexcept;
    /// The pair's number, else that of (provider, other), else 0.  No allocation.
    [[nodiscard]] std::uint16_t target(std::string_view provider,
                                       std::string_view model) const noexcept;
    [[nodiscard]] LabelIds labels(const RequestRecord& record) const noexcept;
    /// Of an attempt that was not the last one of its request.
    [[nodiscard]] LabelIds labels(const RequestRecord& record,
                                  const SpentAttempt& spent) const noexcept;

    [[nodiscard]] std::size_t providers() const noexcept { return providers_.size(); }
    [[nodiscard]] std::size_t targets() const noexcept { return targets_.size(); }
    /// Names by number; `other` when the number is not (yet) known here.  Views live as long as the
    /// vocabulary.
    [[nodiscard]] std::string_view provider_name(std::uint16_t provider) const noexcept;
    [[nodiscard]] std::string_view model_name(std::uint16_t target) const noexcept;
    [[nodiscard]] std::uint16_t provider_of(std::uint16_t target) const noexcept;

private:
    struct Target {
        std::uint16_t provider = 0;
        std::string model;
    };
    struct Key {
        std::uint16_t provider = 0;
        std::string_view model;
        bool operator==(const Key&) const = default;
    };
    struct KeyHash {
        std::size_t operator()(const Key& key) const noexcept {
            return std::hash<std::string_view>{}(key.model) * 31 + key.provider;
        }
    };
    std::uint16_t add_provider(std::string_view name);
    void add_target(std::uint16_t provider, std::string_view model);

    // Stable addresses: the maps view into these.
    std::vector<std::unique_ptr<const std::string>> providers_;
    std::vector<std::unique_ptr<const Target>> targets_;
    std::unordered_map<std::string_view, std::uint16_t> provider_ids_;
    std::unordered_map<Key, std::uint16_t, KeyHash> target_ids_;
};

}  // namespace tollgate::metrics
