#include "router/auto/classifier.hpp"

#include "router/auto/lexicon.hpp"
#include "router/auto/train/prompt_file.hpp"
#include "tests/support/catch.hpp"

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace tollgate::router::tests {
namespace {

const std::filesystem::path kTrain = TOLLGATE_SOURCE_DIR "/router/auto/train";

/// What is found in a chat request whose only message is `text`, by the way that requests go.
Classification classify_text(const std::string& text) {
    const std::string json = R"({"model":"auto","messages":[{"role":"user","content":")" +
                             train::json_escaped(text) + R"("}]})";
    const std::string bytes = json + std::string(adapters::kBodySlack, ' ');
    const auto request = adapters::Request::peek(
        adapters::Operation::chat, std::string_view(bytes).substr(0, json.size()), 64);
    REQUIRE(request);
    const PromptOutline outline = outline_prompt(*request);
    return classify(outline, estimate_tokens(outline), {});
}

struct Count {
    std::size_t right = 0;
    std::size_t all = 0;
    void add(bool is_right) {
        right += is_right ? 1U : 0U;
        ++all;
    }
    [[nodiscard]] double share() const {
        return static_cast<double>(right) / static_cast<double>(all);
    }
};

/// Of the files whose names begin so.
std::vector<train::LabelledPrompt> held_out(const std::string& begin) {
    std::vector<train::LabelledPrompt> out;
    for (const auto& entry : std::filesystem::directory_iterator(kTrain / "data")) {
        if (entry.path().filename().string().starts_with(begin)) {
            auto prompts = train::read_prompts(entry.path().string());
            INFO((prompts ? std::string() : prompts.error()));
            REQUIRE(prompts);
            out.insert(out.end(), prompts->begin(), prompts->end());
        }
    }
    return out;
}

struct Result {
    Count tasks;
    Count difficulties;
    Count languages;
    std::map<Language, Count> by_language;
    std::array<Count, kTextTasks> by_task;
};
Result classify_all(const std::vector<train::LabelledPrompt>& prompts) {
    Result out;
    for (const train::LabelledPrompt& prompt : prompts) {
        const Classification found =
            classify_text(train::choose_alternatives(prompt.text, prompt.line));
        out.tasks.add(found.task == prompt.task);
        out.by_task[static_cast<std::size_t>(prompt.task)].add(found.task == prompt.task);
        out.by_language[prompt.language].add(found.task == prompt.task);
        out.difficulties.add(found.difficulty == prompt.difficulty);
        out.languages.add(found.language == prompt.language);
    }
    return out;
}

std::u32string wide(std::string_view ascii) {
    return {ascii.begin(), ascii.end()};
}
bool is_in(std::uint64_t groups, std::string_view name) {
    for (std::size_t i = 0; i < lexicon::kGroups; ++i) {
        if (lexicon::name(i) == name) {
            return ((groups >> i) & 1U) != 0;
        }
    }
    return false;
}

/// `tasks` of all are told right, and `each` of every task.
void check_shares(const Result& found, double tasks, double each) {
    CHECK(found.tasks.share() >= tasks);
    CHECK(found.by_language.at(Language::en).share() >= 0.9);
    CHECK(found.by_language.at(Language::zh).share() >= 0.9);
    for (std::size_t i = 0; i < kTextTasks; ++i) {
        INFO(to_string(static_cast<Task>(i)));
        CHECK(found.by_task[i].share() >= each);
    }
    CHECK(found.languages.share() >= 0.95);
}

std::string text_of(std::span<const char32_t> points) {
    std::string out;
    for (const char32_t point : points) {
        out += point < 0x80 ? static_cast<char>(point) : '#';
    }
    return out;
}

PromptOutline outline_of(std::string_view user, std::string_view system = {}) {
    PromptOutline out;
    out.user.add(user);
    if (!system.empty()) {
        out.system.add(system);
    }
    out.user_turns = 1;
    return out;
}

}  // namespace

TEST_CASE("nine of ten prompts that the classifier never saw are told right") {
    const Result found = classify_all(held_out("heldout_"));
    REQUIRE(found.tasks.all > 500);
    check_shares(found, 0.92, 0.75);
    CHECK(found.difficulties.share() >= 0.6);
}

TEST_CASE("of requests in the forms of examinations and assistants nine of ten are told right") {
    const Result found = classify_all(held_out("unseen_"));
    REQUIRE(found.tasks.all > 600);
    check_shares(found, 0.93, 0.8);
}

TEST_CASE("a short follow-up is read behind the first question") {
    PromptOutline outline = outline_of("And now in Rust, please.");
    outline.opening.add("Write a Python function that merges two sorted lists, with unit tests.");
    CHECK(text_of(Sample(outline).body()) ==
          "write a python function that merges two sorted lists, with unit tests.\n"
          "and now in rust, please.");
    CHECK(classify(outline, 20, {}).task == Task::code);
    outline.user = {};
    const std::string long_text(61, 'x');
    outline.user.add(long_text);
    CHECK(text_of(Sample(outline).body()) == long_text);
}

TEST_CASE("a system message is read only where the user says nothing") {
    const PromptOutline both = outline_of("Hello", "Translate all that follows into French.");
    CHECK(text_of(Sample(both).body()) == "hello");
    PromptOutline alone;
    alone.system.add("Write a Python function that merges two sorted lists.");
    CHECK(classify(alone, 20, {}).task == Task::code);
}

TEST_CASE("without weights nothing is known, and a file of another form is no weights") {
    CHECK(Weights({}).empty());
    std::ifstream in(kTrain / "../weights.bin", std::ios::binary);
    const std::vector<char> text{std::istreambuf_iterator<char>(in), {}};
    std::vector<unsigned char> bytes(text.begin(), text.end());
    CHECK_FALSE(Weights(bytes).empty());
    CHECK(Weights(std::span(bytes).first(bytes.size() - 1)).empty());
    bytes[0] = 'X';
    CHECK(Weights(bytes).empty());
    const Classification found = classify(outline_of("2 + 2 = ?"), 5, {}, Weights({}));
    CHECK(found.confidence < 0.1F);
}

TEST_CASE("a word says the same however often it comes, and words that were never seen nothing") {
    const auto scores = [](std::string_view text) {
        const PromptOutline outline = outline_of(text);
        const Sample sample(outline);
        const auto features = std::make_unique<Features>();
        add_words(sample, *features);
        features->shape_count = 0;
        return Weights::built_in().score(*features);
    };
    CHECK(scores("qzxqzx") == Scores{});
    Features once;
    once.add_word(42);
    Features twice = once;
    twice.add_word(42);
    CHECK(Weights::built_in().score(once) == Weights::built_in().score(twice));
}

TEST_CASE("a sample is the text in lower case, without JSON's escapes") {
    const PromptOutline outline = outline_of(R"(Say \"\u00c4\ud83d\ude00\"\n\tNOW\\)");
    const Sample sample(outline);
    CHECK(text_of(sample.head()) == "say \"##\"\n\tnow\\");
    CHECK(sample.head()[5] == U'\u00e4');
    CHECK(sample.head()[6] == U'\U0001f600');
    CHECK(sample.tail().empty());
    CHECK(sample.starts_upper());
    CHECK(sample.upper() == 5);
}

TEST_CASE("of a long text the beginning and the end are read, wherever escapes fall") {
    for (std::size_t shift = 0; shift < 12; ++shift) {
        std::string long_text = "begin" + std::string(shift, 'x');
        for (int i = 0; i < 4000; ++i) {
            long_text += R"(\u4e2d)";
        }
        long_text += "the end";
        const PromptOutline outline = outline_of(long_text);
        const Sample sample(outline);
        CHECK(text_of(sample.head()).starts_with("begin"));
        const std::string tail = text_of(sample.tail());
        CHECK(tail.ends_with("##the end"));
        CHECK(tail.find_first_not_of("#thend ") == std::string::npos);
    }
}

TEST_CASE("a body cut anywhere is read without going beyond it") {
    const std::string text = R"(a\u4e2d\ud83d\ude00\n)"
                             "\xE4\xB8\xAD\xF0\x9F\x98\x80";
    for (std::size_t size = 0; size <= text.size(); ++size) {
        const std::vector<char> exact(text.begin(), text.begin() + static_cast<long>(size));
        const PromptOutline outline = outline_of(std::string_view(exact.data(), exact.size()));
        CHECK(Sample(outline).body().size() <= size);
        (void)classify(outline, 1, {});
    }
}

TEST_CASE("words are found in their groups by the whole, the beginning, in pairs and in runs") {
    CHECK(is_in(lexicon::of_word(wide("translating")), "translate"));
    CHECK(is_in(lexicon::of_word(wide("poem")), "text_kind"));
    CHECK_FALSE(is_in(lexicon::of_word(wide("poe")), "text_kind"));
    CHECK(is_in(lexicon::of_pair(wide("how"), wide("many")), "math_verb"));
    CHECK(is_in(lexicon::of_run(U"翻译一下"), "translate"));
    CHECK(lexicon::of_run(U"龘") == 0);
    CHECK(lexicon::of_word({}) == 0);
}

TEST_CASE("shapes of a text are counted") {
    const auto shape = [](std::string_view text) {
        const PromptOutline outline = outline_of(text);
        const Sample sample(outline);
        return structure_of(sample.body());
    };
    CHECK(shape(R"(Which?\nA) one\nB) two\nC) three\nD) four)").options == 4);
    CHECK(shape(R"(Which?\nA) one\nB) two\nC) three\nD) four)").line_options == 4);
    CHECK(shape("plan a. b comes later").options == 1);
    CHECK(shape(R"(see\n```py\nx = 1\n```)").fences == 2);
    CHECK(shape(R"(1. a\n2. b\n- c)").numbered == 2);
    CHECK(shape(R"(one\n\n\ntwo\n\nthree)").paragraphs == 2);
    CHECK(shape(R"(say \"hello there\")").quoted == 11);
    CHECK(shape("it costs $5 and 3 + 4 = 7").prices == 1);
    CHECK(shape("it costs $5 and 3 + 4 = 7").sums == 2);
    CHECK(shape(R"(\\frac{a}{b})").latex == 1);
    CHECK(shape(R"(Ann: hi\nBob: hello)").speakers == 2);
    CHECK(shape("").size == 0);
}

TEST_CASE("the language is that of the wish, not of what it is about") {
    CHECK(classify_text("Translate to English: 你好，最近怎么样？").language == Language::en);
    CHECK(classify_text("把这句话翻译成中文：The early bird catches the worm.").language ==
          Language::zh);
    CHECK(classify_text("¿Qué hora es?").language == Language::es);
    CHECK(classify_text("Pourquoi le ciel est-il bleu ?").language == Language::fr);
    CHECK(classify_text("昨日の会議の議事録をまとめてください").language == Language::ja);
    CHECK(classify_text("Dlaczego niebo jest niebieskie i czy to się zmieni?").language ==
          Language::other);
    CHECK(classify_text("ทำไมท้องฟ้าถึงเป็นสีฟ้า").language == Language::other);
}

TEST_CASE("files of prompts are read by their headers and lines, and told what is wrong") {
    const std::string path =
        (std::filesystem::temp_directory_path() / "tollgate_prompts_test.txt").string();
    std::ofstream(path) << "## code en hard\n\n    indented\nsecond line\n---\n[[a|b|c]] x\n"
                           "## Not a header\n---\n\n---\n## math nl easy\n1 + 1\n";
    const auto prompts = train::read_prompts(path);
    REQUIRE(prompts);
    REQUIRE(prompts->size() == 3);
    CHECK((*prompts)[0].text == "    indented\nsecond line");
    CHECK((*prompts)[0].difficulty == Difficulty::hard);
    CHECK((*prompts)[1].text == "[[a|b|c]] x\n## Not a header");
    CHECK((*prompts)[2].task == Task::math);
    CHECK((*prompts)[2].language == Language::other);
    CHECK((*prompts)[2].line == 12);
    std::ofstream(path) << "text\n## code en hard\n";
    CHECK(train::read_prompts(path).error().ends_with(":1: a prompt before the first header"));
    std::filesystem::remove(path);
    CHECK_FALSE(train::read_prompts(path));
}

TEST_CASE("alternatives are chosen, and brackets of code are not") {
    CHECK(train::choose_alternatives("[[a|b|c]] x", 0) == "a x");
    CHECK(train::choose_alternatives("[[a|b|c]] x", 2) == "c x");
    CHECK(train::choose_alternatives("say[[ please|]]!", 1) == "say!");
    CHECK(train::choose_alternatives("if [[ -f x || -f y ]]; then [[1,2],[3]]", 1) ==
          "if [[ -f x || -f y ]]; then [[1,2],[3]]");
}

}  // namespace tollgate::router::tests
