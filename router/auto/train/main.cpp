// classifier train OUT FILE...      weights from files of prompts
// classifier check WEIGHTS FILE...  accuracy on files of prompts, by class, with the confusions
// classifier cross FILE...          accuracy by five-fold cross-validation
//   --by-file   also leaving out one file after the other
//   --errors    shows every prompt that was told wrong
//   --rate=0.03 and so on: TrainOptions (model.hpp)
#include "router/auto/train/model.hpp"
#include "router/auto/train/prompt_file.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::router::train {
namespace {

struct Prompt {
    LabelledPrompt labelled;
    std::size_t file = 0;
    std::size_t index = 0;
};

struct Corpus {
    std::vector<std::string> files;
    std::vector<Prompt> prompts;
};

Corpus read_all(std::vector<std::string> files) {
    Corpus out;
    std::set<std::string> seen;
    for (std::size_t f = 0; f < files.size(); ++f) {
        auto prompts = read_prompts(files[f]);
        if (!prompts) {
            std::fprintf(stderr, "%s\n", prompts.error().c_str());
            std::exit(1);
        }
        for (LabelledPrompt& prompt : *prompts) {
            if (seen.insert(prompt.text).second) {
                out.prompts.push_back({std::move(prompt), f, out.prompts.size()});
            }
        }
    }
    out.files = std::move(files);
    return out;
}

PromptOutline outline_of(const std::string& user) {
    PromptOutline out;
    out.user.add(user);
    out.user_turns = 1;
    return out;
}

Example example_of(const PromptOutline& outline, const Prompt& prompt) {
    const auto features = std::make_unique<Features>();
    const Sample sample(outline);
    add_features(structure_of(sample.body()), sample, outline, *features);
    Example out;
    out.words.assign(features->words.begin(),
                     features->words.begin() + static_cast<long>(features->word_count));
    std::ranges::sort(out.words);
    out.words.erase(std::ranges::unique(out.words).begin(), out.words.end());
    out.shapes.assign(features->shapes.begin(),
                      features->shapes.begin() + static_cast<long>(features->shape_count));
    out.task = static_cast<std::size_t>(prompt.labelled.task);
    out.difficulty = static_cast<std::size_t>(prompt.labelled.difficulty);
    out.prompt = prompt.index;
    return out;
}

std::string lower_case(std::string text) {
    std::ranges::transform(text, text.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    });
    while (!text.empty() && (text.back() == '.' || text.back() == '?')) {
        text.pop_back();
    }
    return text;
}

std::string polite(const std::string& text, Language language, std::size_t choice) {
    switch (language) {
        case Language::zh:
            return (choice % 2 == 0 ? "请帮忙：" : "你好，") + text;
        case Language::en:
            return (choice % 3 == 0   ? "Please help me with this: "
                    : choice % 3 == 1 ? "hi! "
                                      : "Hello, I need some help. ") +
                   text;
        default:
            return text + "\n";
    }
}

std::vector<Example> examples_of(const Prompt& prompt) {
    std::vector<Example> out;
    const auto add = [&](const std::string& text, double weight) {
        const std::string user = json_escaped(text);
        out.push_back(example_of(outline_of(user), prompt));
        out.back().weight = weight;
    };
    const std::size_t n = prompt.index;
    const std::string& text = prompt.labelled.text;
    add(choose_alternatives(text, n), 0.6);
    add(lower_case(choose_alternatives(text, n + 1)), 0.2);
    add(polite(choose_alternatives(text, n + 2), prompt.labelled.language, n), 0.2);
    return out;
}

struct Score {
    std::array<std::array<std::size_t, kTextTasks>, kTextTasks> confusion{};
    std::array<std::array<std::size_t, kDifficulties>, kDifficulties> difficulty{};
    std::array<std::array<std::size_t, kLanguages>, kLanguages> language{};
    std::array<std::array<std::size_t, 2>, kLanguages> languages{};  // task right, all

    void add(const Prompt& prompt, const Scores& scores, Language found) {
        ++language[static_cast<std::size_t>(prompt.labelled.language)]
                  [static_cast<std::size_t>(found)];
        const auto* const tasks_end = scores.begin() + kTextTasks;
        const auto task =
            static_cast<std::size_t>(std::max_element(scores.begin(), tasks_end) - scores.begin());
        const auto level =
            static_cast<std::size_t>(std::max_element(tasks_end, scores.end()) - tasks_end);
        const auto truth = static_cast<std::size_t>(prompt.labelled.task);
        ++confusion[truth][task];
        ++difficulty[static_cast<std::size_t>(prompt.labelled.difficulty)][level];
        auto& [right, all] = languages[static_cast<std::size_t>(prompt.labelled.language)];
        right += truth == task ? 1U : 0U;
        ++all;
    }
    template <std::size_t N>
    static double accuracy(const std::array<std::array<std::size_t, N>, N>& matrix) {
        std::size_t right = 0;
        std::size_t all = 0;
        for (std::size_t i = 0; i < N; ++i) {
            right += matrix[i][i];
            for (const std::size_t count : matrix[i]) {
                all += count;
            }
        }
        return all == 0 ? 0 : 100.0 * static_cast<double>(right) / static_cast<double>(all);
    }
    void print() const {
        std::printf("task accuracy %.2f %%, difficulty %.2f %%, language %.2f %%\n",
                    accuracy(confusion), accuracy(difficulty), accuracy(language));
        std::printf("%-14s %6s %6s %6s  ", "", "count", "prec", "recall");
        for (std::size_t i = 0; i < kTextTasks; ++i) {
            std::printf(" %5.5s", to_string(static_cast<Task>(i)).data());
        }
        std::puts("");
        for (std::size_t i = 0; i < kTextTasks; ++i) {
            std::size_t all = 0;
            std::size_t said = 0;
            for (std::size_t j = 0; j < kTextTasks; ++j) {
                all += confusion[i][j];
                said += confusion[j][i];
            }
            const auto share = [&](std::size_t of) {
                return of == 0
                           ? 0.0
                           : 100.0 * static_cast<double>(confusion[i][i]) / static_cast<double>(of);
            };
            std::printf("%-14s %6zu %6.1f %6.1f  ",
                        std::string(to_string(static_cast<Task>(i))).c_str(), all, share(said),
                        share(all));
            for (std::size_t j = 0; j < kTextTasks; ++j) {
                std::printf(confusion[i][j] == 0 ? "     ." : " %5zu", confusion[i][j]);
            }
            std::puts("");
        }
        for (std::size_t i = 0; i < kLanguages; ++i) {
            if (languages[i][1] > 0) {
                std::printf("%s %.1f %% of %zu  ",
                            std::string(to_string(static_cast<Language>(i))).c_str(),
                            100.0 * static_cast<double>(languages[i][0]) /
                                static_cast<double>(languages[i][1]),
                            languages[i][1]);
            }
        }
        std::puts("");
    }
};

struct Found {
    Scores scores;
    Language language;
};
Found found_in(const Weights& weights, const Prompt& prompt) {
    const std::string user = json_escaped(choose_alternatives(prompt.labelled.text, prompt.index));
    const PromptOutline outline = outline_of(user);
    const auto features = std::make_unique<Features>();
    const Sample sample(outline);
    const Structure structure = structure_of(sample.body());
    add_features(structure, sample, outline, *features);
    return {.scores = weights.score(*features),
            .language = language_of(structure, sample, *features)};
}

class Trainer {
public:
    explicit Trainer(Corpus corpus) : corpus_(std::move(corpus)) {
        for (const Prompt& prompt : corpus_.prompts) {
            examples_.push_back(examples_of(prompt));
        }
    }
    template <class Keep>
    std::vector<unsigned char> fit_where(const Keep& keep, const TrainOptions& options) const {
        std::vector<const Example*> chosen;
        for (const Prompt& prompt : corpus_.prompts) {
            if (keep(prompt)) {
                for (const Example& example : examples_[prompt.index]) {
                    chosen.push_back(&example);
                }
            }
        }
        return fit(chosen, options);
    }
    /// Leaves out what `group` gives the same number, one number after the other.
    template <class Group>
    Score cross(std::size_t groups, const Group& group, const TrainOptions& options,
                bool shows_errors) const {
        Score total;
        for (std::size_t g = 0; g < groups; ++g) {
            const std::vector<unsigned char> bytes =
                fit_where([&](const Prompt& prompt) { return group(prompt) != g; }, options);
            const Weights weights(bytes);
            for (const Prompt& prompt : corpus_.prompts) {
                if (group(prompt) == g) {
                    const Found found = found_in(weights, prompt);
                    total.add(prompt, found.scores, found.language);
                    if (shows_errors) {
                        show_error(prompt, found);
                    }
                }
            }
        }
        return total;
    }
    void show_error(const Prompt& prompt, const Found& found) const {
        const Scores& scores = found.scores;
        if (found.language != prompt.labelled.language) {
            std::printf("%s:%zu language %s not %s\n", corpus_.files[prompt.file].c_str(),
                        prompt.labelled.line,
                        std::string(to_string(prompt.labelled.language)).c_str(),
                        std::string(to_string(found.language)).c_str());
        }
        const auto task = static_cast<std::size_t>(
            std::max_element(scores.begin(), scores.begin() + kTextTasks) - scores.begin());
        if (task != static_cast<std::size_t>(prompt.labelled.task)) {
            std::string text = prompt.labelled.text.substr(0, 150);
            std::ranges::replace(text, '\n', ' ');
            std::printf("%s:%zu %s not %s | %s\n", corpus_.files[prompt.file].c_str(),
                        prompt.labelled.line, std::string(to_string(prompt.labelled.task)).c_str(),
                        std::string(to_string(static_cast<Task>(task))).c_str(), text.c_str());
        }
    }
    [[nodiscard]] const Corpus& corpus() const { return corpus_; }

private:
    Corpus corpus_;
    std::vector<std::vector<Example>> examples_;
};

struct CommandLine {
    std::vector<std::string> words;  ///< command and files
    TrainOptions options;
    bool shows_errors = false;
    bool by_file = false;
};

/// Words that begin with "--" set an option: --rate=0.05, --errors.
std::optional<CommandLine> parse(std::span<char*> arguments) {
    CommandLine out;
    for (const std::string_view word : arguments) {
        if (!word.starts_with("--")) {
            out.words.emplace_back(word);
            continue;
        }
        const std::string_view name = word.substr(2, word.find('=') - 2);
        const double value =
            word.contains('=') ? std::strtod(word.data() + word.find('=') + 1, nullptr) : 0;
        TrainOptions& o = out.options;
        const std::array<std::pair<std::string_view, double*>, 7> numbers{
            {{"rate", &o.rate},
             {"word-decay", &o.word_decay},
             {"shape-decay", &o.shape_decay},
             {"word-dropout", &o.word_dropout},
             {"shape-dropout", &o.shape_dropout},
             {"word-gain", &o.word_gain},
             {"balance", &o.balance}}};
        const auto* const number =
            std::ranges::find(numbers, name, &std::pair<std::string_view, double*>::first);
        if (number != numbers.end()) {
            *number->second = value;
        } else if (name == "buckets") {
            o.buckets_log2 = static_cast<unsigned>(value);
        } else if (name == "least") {
            o.least_prompts = static_cast<std::size_t>(value);
        } else if (name == "epochs") {
            o.epochs = static_cast<unsigned>(value);
        } else if (name == "errors") {
            out.shows_errors = true;
        } else if (name == "by-file") {
            out.by_file = true;
        } else {
            return std::nullopt;
        }
    }
    return out;
}

int train(const std::string& path, std::vector<std::string> files, const CommandLine& line) {
    const Trainer trainer(read_all(std::move(files)));
    const std::vector<unsigned char> bytes =
        trainer.fit_where([](const Prompt&) { return true; }, line.options);
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<long>(bytes.size()));
    std::printf("%zu prompts, %zu bytes\n", trainer.corpus().prompts.size(), bytes.size());
    return 0;
}

int check(const std::string& path, std::vector<std::string> files, const CommandLine& line) {
    std::ifstream in(path, std::ios::binary);
    const std::vector<char> text{std::istreambuf_iterator<char>(in), {}};
    const std::vector<unsigned char> bytes(text.begin(), text.end());
    const Weights weights(bytes);
    if (weights.empty()) {
        std::fprintf(stderr, "%s: not a weights file of this version\n", path.c_str());
        return 1;
    }
    const Trainer shown(read_all(std::move(files)));
    Score score;
    for (const Prompt& prompt : shown.corpus().prompts) {
        const Found found = found_in(weights, prompt);
        score.add(prompt, found.scores, found.language);
        if (line.shows_errors) {
            shown.show_error(prompt, found);
        }
    }
    score.print();
    return 0;
}

int cross(std::vector<std::string> files, const CommandLine& line) {
    const Trainer trainer(read_all(std::move(files)));
    constexpr std::size_t kFolds = 5;
    // Five in a row together, as neighbours may be alike.
    const auto fold = [](const Prompt& prompt) { return prompt.index / 5 % kFolds; };
    std::puts("five-fold:");
    trainer.cross(kFolds, fold, line.options, line.shows_errors).print();
    if (line.by_file) {
        std::puts("by file:");
        trainer
            .cross(
                trainer.corpus().files.size(), [](const Prompt& p) { return p.file; }, line.options,
                line.shows_errors)
            .print();
    }
    return 0;
}

}  // namespace
}  // namespace tollgate::router::train

int main(int argc, char** argv) {
    namespace train = tollgate::router::train;
    const std::optional<train::CommandLine> line =
        train::parse(std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
    const std::vector<std::string> words = line ? line->words : std::vector<std::string>();
    const std::string_view command = words.empty() ? "" : std::string_view(words[0]);
    if (command == "cross" && words.size() > 1) {
        return train::cross({words.begin() + 1, words.end()}, *line);
    }
    if (words.size() > 2 && (command == "train" || command == "check")) {
        const std::vector<std::string> files(words.begin() + 2, words.end());
        return command == "train" ? train::train(words[1], files, *line)
                                  : train::check(words[1], files, *line);
    }
    std::fputs("usage: classifier train OUT FILE... | check WEIGHTS FILE... | cross FILE...\n",
               stderr);
    return 2;
}
