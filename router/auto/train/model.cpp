#include "router/auto/train/model.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <set>

namespace tollgate::router::train {
namespace {

using Row = std::array<float, kColumns>;

/// The n-grams that get a bucket: of those that want the same, the one in most prompts.
std::unordered_map<std::uint32_t, std::uint32_t> choose_words(
    const std::vector<const Example*>& examples, const TrainOptions& options) {
    struct Seen {
        std::uint32_t prompts = 0;
        std::size_t last = ~std::size_t{0};
    };
    std::unordered_map<std::uint32_t, Seen> seen;
    for (const Example* example : examples) {
        for (const std::uint32_t word : example->words) {
            Seen& entry = seen[word];
            entry.prompts += entry.last != example->prompt ? 1U : 0U;
            entry.last = example->prompt;
        }
    }
    const std::uint32_t mask = (1U << options.buckets_log2) - 1;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> owner(std::size_t{mask} + 1);
    for (const auto& [word, entry] : seen) {
        auto& [prompts, hash] = owner[word & mask];
        if (entry.prompts >= options.least_prompts &&
            (entry.prompts > prompts || (entry.prompts == prompts && word < hash))) {
            prompts = entry.prompts;
            hash = word;
        }
    }
    std::unordered_map<std::uint32_t, std::uint32_t> chosen;
    for (const auto& [prompts, hash] : owner) {
        if (prompts > 0) {
            chosen.emplace(hash, static_cast<std::uint32_t>(chosen.size()));
        }
    }
    return chosen;
}

void softmax(float* begin, std::size_t count) {
    const float most = *std::max_element(begin, begin + count);
    float sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
        begin[i] = std::exp(begin[i] - most);
        sum += begin[i];
    }
    for (std::size_t i = 0; i < count; ++i) {
        begin[i] /= sum;
    }
}

class Fit {
public:
    Fit(const std::vector<const Example*>& examples, const TrainOptions& options)
        : examples_(examples),
          options_(options),
          words_(choose_words(examples, options)),
          rows_(kShapes + words_.size()),
          squares_(rows_.size()),
          sums_(rows_.size()),
          random_(options.seed) {
        for (const Example* example : examples) {
            std::vector<std::uint32_t> ids;
            for (const std::uint32_t word : example->words) {
                if (const auto found = words_.find(word); found != words_.end()) {
                    ids.push_back(static_cast<std::uint32_t>(kShapes) + found->second);
                }
            }
            ids_.push_back(std::move(ids));
        }
        weigh();
    }

    std::vector<unsigned char> run() {
        std::vector<std::size_t> order(examples_.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::size_t averaged = 0;
        for (unsigned epoch = 0; epoch < options_.epochs; ++epoch) {
            std::ranges::shuffle(order, random_);
            for (const std::size_t i : order) {
                learn(i);
            }
            if (epoch >= options_.epochs / 2) {
                ++averaged;
                for (std::size_t r = 0; r < rows_.size(); ++r) {
                    for (std::size_t c = 0; c < kColumns; ++c) {
                        sums_[r][c] += rows_[r][c];
                    }
                }
            }
        }
        for (Row& row : sums_) {
            for (float& weight : row) {
                weight /= static_cast<float>(averaged);
            }
        }
        return bytes();
    }

private:
    void weigh() {
        std::array<double, kTextTasks> tasks{};
        double sum = 0;
        for (const Example* example : examples_) {
            tasks[example->task] += example->weight;
            sum += example->weight;
        }
        double total = 0;
        for (const Example* example : examples_) {
            const double fair = sum / kTextTasks / tasks[example->task];
            weights_.push_back(example->weight * std::pow(fair, options_.balance));
            total += weights_.back();
        }
        for (double& weight : weights_) {
            weight *= static_cast<double>(examples_.size()) / total;
        }
    }

    bool drops(double share) { return static_cast<double>(random_() >> 11U) * 0x1p-53 < share; }

    void learn(std::size_t index) {
        const Example& example = *examples_[index];
        active_.clear();
        for (const std::uint16_t shape : example.shapes) {
            if (!drops(options_.shape_dropout)) {
                active_.push_back(shape);
            }
        }
        const std::size_t shapes = active_.size();
        for (const std::uint32_t id : ids_[index]) {
            if (!drops(options_.word_dropout)) {
                active_.push_back(id);
            }
        }
        const std::size_t words = active_.size() - shapes;
        const auto each = static_cast<float>(
            options_.word_gain / std::sqrt(std::max<double>(1, static_cast<double>(words))));
        Row score{};
        for (std::size_t i = 0; i < active_.size(); ++i) {
            const float x = i < shapes ? 1 : each;
            for (std::size_t c = 0; c < kColumns; ++c) {
                score[c] += rows_[active_[i]][c] * x;
            }
        }
        softmax(score.data(), kTextTasks);
        softmax(score.data() + kTextTasks, kDifficulties);
        score[example.task] -= 1;
        score[kTextTasks + example.difficulty] -= 1;
        const auto weight = static_cast<float>(weights_[index]);
        for (std::size_t i = 0; i < active_.size(); ++i) {
            const bool is_shape = i < shapes;
            step(active_[i], score, weight * (is_shape ? 1 : each),
                 static_cast<float>(is_shape ? options_.shape_decay : options_.word_decay));
        }
    }
    void step(std::uint32_t id, const Row& error, float x, float decay) {
        Row& row = rows_[id];
        Row& square = squares_[id];
        for (std::size_t c = 0; c < kColumns; ++c) {
            const float slope = error[c] * x + decay * row[c];
            square[c] += slope * slope;
            row[c] -= static_cast<float>(options_.rate) * slope / (std::sqrt(square[c]) + 1e-3F);
        }
    }

    std::vector<unsigned char> bytes() const {
        WeightsHead head;
        head.buckets = 1U << options_.buckets_log2;
        Row largest{};
        for (std::size_t r = kShapes; r < sums_.size(); ++r) {
            for (std::size_t c = 0; c < kColumns; ++c) {
                largest[c] = std::max(largest[c], std::abs(sums_[r][c]));
            }
        }
        for (std::size_t c = 0; c < kColumns; ++c) {
            head.scale[c] = largest[c] / 127 * static_cast<float>(options_.word_gain);
        }
        std::vector<WordRow> rows(head.buckets);
        for (const auto& [hash, id] : words_) {
            WordRow& row = rows[hash & (head.buckets - 1)];
            row.check = static_cast<std::uint16_t>(hash >> 16U);
            for (std::size_t c = 0; c < kColumns; ++c) {
                row.weight[c] = static_cast<std::int8_t>(
                    std::lround(largest[c] == 0 ? 0 : sums_[kShapes + id][c] / largest[c] * 127));
            }
        }
        std::vector<unsigned char> out(sizeof head + kShapes * sizeof(Row) +
                                       rows.size() * sizeof(WordRow));
        unsigned char* at = out.data();
        const auto put = [&](const void* from, std::size_t size) {
            std::memcpy(at, from, size);
            at += size;
        };
        put(&head, sizeof head);
        put(sums_.data(), kShapes * sizeof(Row));
        put(rows.data(), rows.size() * sizeof(WordRow));
        return out;
    }

    const std::vector<const Example*>& examples_;
    const TrainOptions& options_;
    std::unordered_map<std::uint32_t, std::uint32_t> words_;
    std::vector<Row> rows_;
    std::vector<Row> squares_;
    std::vector<Row> sums_;
    std::vector<std::vector<std::uint32_t>> ids_;
    std::vector<double> weights_;
    std::vector<std::uint32_t> active_;
    std::mt19937_64 random_;
};

}  // namespace

std::vector<unsigned char> fit(const std::vector<const Example*>& examples,
                               const TrainOptions& options) {
    return Fit(examples, options).run();
}

}  // namespace tollgate::router::train
