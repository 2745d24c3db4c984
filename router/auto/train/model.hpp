// Multinomial logistic regression over the classifier's features: AdaGrad, dropout, averaged
// weights.
#pragma once

#include "router/auto/weights.hpp"

#include <cstdint>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

namespace tollgate::router::train {

/// One prompt, or one way in which it may be written, as features and labels.
struct Example {
    std::vector<std::uint32_t> words;  ///< hashes, each once
    std::vector<std::uint16_t> shapes;
    std::size_t task = 0;
    std::size_t difficulty = 0;
    double weight = 1;
    std::size_t prompt = 0;  ///< which one it is, for counting n-grams once per prompt
};

struct TrainOptions {
    unsigned buckets_log2 = 16;
    std::size_t least_prompts = 2;  ///< that an n-gram must be in
    unsigned epochs = 14;
    double rate = 0.03;
    double word_decay = 2e-4;
    double shape_decay = 2e-4;
    double word_dropout = 0.4;
    double shape_dropout = 0.3;
    double word_gain = 3;  ///< what a word weighs against a shape in learning
    double balance = 0.5;  ///< 0: every prompt counts the same; 1: every task does
    std::uint64_t seed = 1;
};

/// The bytes of a weights file.
[[nodiscard]] std::vector<unsigned char> fit(const std::vector<const Example*>& examples,
                                             const TrainOptions& options);

}  // namespace tollgate::router::train
