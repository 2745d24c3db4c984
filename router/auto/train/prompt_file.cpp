#include "router/auto/train/prompt_file.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <sstream>

namespace tollgate::router::train {
namespace {

template <std::size_t N>
std::optional<std::size_t> index_of(const std::array<std::string_view, N>& words,
                                    std::string_view word) {
    const auto found = std::ranges::find(words, word);
    return found == words.end() ? std::nullopt
                                : std::optional(static_cast<std::size_t>(found - words.begin()));
}

/// Reads "## task language difficulty" into the labels of `out`; false where the line is none.
bool read_header(const std::string& line, LabelledPrompt& out) {
    std::istringstream in(line);
    std::string mark;
    std::string task;
    std::string language;
    std::string difficulty;
    std::string more;
    if (!(in >> mark >> task >> language >> difficulty) || mark != "##" || (in >> more)) {
        return false;
    }
    const auto a_task = index_of(config::kTaskWords, task);
    const auto a_difficulty = index_of(config::kDifficultyWords, difficulty);
    if (!a_task || *a_task >= kTextTasks || !a_difficulty) {
        return false;
    }
    out.task = static_cast<Task>(*a_task);
    out.difficulty = static_cast<Difficulty>(*a_difficulty);
    out.language =
        static_cast<Language>(index_of(config::kLanguageWords, language).value_or(kLanguages - 1));
    return true;
}

/// Without empty lines at the beginning and white space at the end; indentation stays.
std::string trimmed(const std::string& text) {
    const std::size_t begin = text.find_first_not_of(" \n\r\t");
    if (begin == std::string::npos) {
        return {};
    }
    const std::size_t before = text.find_last_of('\n', begin);
    const std::size_t line_begin = before == std::string::npos ? 0 : before + 1;
    return text.substr(line_begin, text.find_last_not_of(" \n\r\t") + 1 - line_begin);
}

}  // namespace

std::expected<std::vector<LabelledPrompt>, std::string> read_prompts(const std::string& path) {
    std::ifstream file(path);
    if (!file) {
        return std::unexpected(path + ": cannot be read");
    }
    std::vector<LabelledPrompt> out;
    LabelledPrompt next;
    bool has_header = false;
    std::size_t number = 0;
    const auto finish = [&] {
        next.text = trimmed(next.text);
        if (!next.text.empty()) {
            out.push_back(next);
        }
        next.text.clear();
    };
    for (std::string line; std::getline(file, line);) {
        ++number;
        LabelledPrompt header = next;
        if (line.starts_with("## ") && read_header(line, header)) {
            finish();
            header.text.clear();
            header.block += has_header ? 1U : 0U;
            has_header = true;
            next = header;
        } else if (line == "---") {
            finish();
        } else if (!has_header && line.find_first_not_of(" \r\t") != std::string::npos) {
            return std::unexpected(path + ":" + std::to_string(number) +
                                   ": a prompt before the first header");
        } else {
            next.line = next.text.empty() ? number : next.line;
            next.text += line + "\n";
        }
    }
    finish();
    return out;
}

std::string choose_alternatives(const std::string& text, std::size_t choice) {
    std::string out;
    for (std::size_t at = 0;;) {
        const std::size_t open = text.find("[[", at);
        const std::size_t close = open == std::string::npos ? open : text.find("]]", open);
        if (close == std::string::npos) {
            return out + text.substr(at);
        }
        const std::string inner = text.substr(open + 2, close - open - 2);
        // Lua's strings and a shell's tests look alike.
        if (!inner.contains('|') || inner.contains("||") || inner.contains('\n')) {
            out += text.substr(at, open + 2 - at);
            at = open + 2;
            continue;
        }
        std::vector<std::string> options;
        std::istringstream in(inner + "|");
        for (std::string option; std::getline(in, option, '|');) {
            options.push_back(option);
        }
        out += text.substr(at, open - at) + options[choice % options.size()];
        choice /= 2;
        at = close + 2;
    }
}

std::string json_escaped(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += {'\\', c};
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\t') {
            out += "\\t";
        } else if (static_cast<unsigned char>(c) >= 0x20) {
            out += c;
        }
    }
    return out;
}

}  // namespace tollgate::router::train
