// Reads the Prometheus text format and OpenMetrics strictly enough to notice a malformed line.
#pragma once

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tollgate::metrics::test {

struct Sample {
    std::string name;
    std::vector<std::pair<std::string, std::string>> labels;  // unescaped, in order
    double value = 0;
};

struct Exposition {
    std::vector<Sample> samples;
    std::map<std::string, std::string> types;  // family → type
    std::map<std::string, std::string> units;
    std::vector<std::string> problems;
    bool ends_with_eof = false;

    /// The sample with this name and exactly these labels, written `a="x",b="y"`.
    [[nodiscard]] std::optional<double> value(std::string_view name,
                                              std::string_view labels = {}) const {
        for (const Sample& sample : samples) {
            std::string text;
            for (const auto& [label, content] : sample.labels) {
                text += (text.empty() ? "" : ",") + label + "=\"" + content + '"';
            }
            if (sample.name == name && text == labels) {
                return sample.value;
            }
        }
        return std::nullopt;
    }
};

class ExpositionParser {
public:
    [[nodiscard]] static Exposition parse(std::string_view text) {
        ExpositionParser parser;
        if (!text.ends_with('\n')) {
            parser.out_.problems.emplace_back("no newline at the end");
        }
        while (!text.empty()) {
            const auto end = std::min(text.find('\n'), text.size());
            parser.line(text.substr(0, end));
            text.remove_prefix(std::min(end + 1, text.size()));
        }
        return std::move(parser.out_);
    }

private:
    void line(std::string_view text) {
        if (out_.ends_with_eof) {
            problem("text behind # EOF", text);
        } else if (text == "# EOF") {
            out_.ends_with_eof = true;
        } else if (text.starts_with("# ")) {
            comment(text.substr(2));
        } else {
            sample(text);
        }
    }
    void comment(std::string_view text) {
        const auto space = text.find(' ');
        const auto second = text.find(' ', space + 1);
        if (space == std::string_view::npos || second == std::string_view::npos) {
            return problem("malformed comment", text);
        }
        const std::string word(text.substr(0, space));
        const std::string name(text.substr(space + 1, second - space - 1));
        const std::string rest(text.substr(second + 1));
        if (word == "TYPE") {
            if (!out_.types.emplace(name, rest).second) {
                problem("family appears twice", text);
            }
        } else if (word == "UNIT") {
            out_.units[name] = rest;
            if (!name.ends_with("_" + rest)) {
                problem("family does not end in its unit", text);
            }
        } else if (word != "HELP") {
            problem("unknown comment", text);
        }
        if (name != family_ && !families_.insert(name).second) {
            problem("family is not in one piece", text);
        }
        family_ = name;
    }
    void sample(std::string_view text) {
        Sample sample;
        const std::string whole(text);
        const auto name_end = text.find_first_of("{ ");
        if (name_end == std::string_view::npos || name_end == 0) {
            return problem("no value", whole);
        }
        sample.name = text.substr(0, name_end);
        if (family_.empty() || !sample.name.starts_with(family_)) {
            problem("sample outside its family", whole);
        }
        text.remove_prefix(name_end);
        if (text.starts_with('{') && !labels(text, sample)) {
            return problem("malformed labels", whole);
        }
        if (!text.starts_with(' ')) {
            return problem("no space before the value", whole);
        }
        text.remove_prefix(1);
        const char* last = text.data() + text.size();
        const auto [end, error] = std::from_chars(text.data(), last, sample.value);
        if (error != std::errc{} || end != last) {
            problem("malformed value", whole);
        }
        std::string identity(whole.substr(0, whole.size() - text.size()));
        if (!seen_.insert(identity).second) {
            problem("series appears twice", whole);
        }
        out_.samples.push_back(std::move(sample));
    }
    static bool labels(std::string_view& text, Sample& sample) {
        do {
            text.remove_prefix(1);  // { or ,
            const auto equals = text.find("=\"");
            if (equals == std::string_view::npos || equals == 0) {
                return false;
            }
            auto& [name, value] = sample.labels.emplace_back(text.substr(0, equals), "");
            text.remove_prefix(equals + 2);
            while (!text.empty() && text.front() != '"') {
                if (text.front() == '\\') {
                    text.remove_prefix(1);
                    if (text.empty() || std::string_view("\\\"n").find(text.front()) == text.npos) {
                        return false;
                    }
                    value += text.front() == 'n' ? '\n' : text.front();
                } else {
                    value += text.front();
                }
                text.remove_prefix(1);
            }
            if (text.empty()) {
                return false;
            }
            text.remove_prefix(1);
        } while (text.starts_with(','));
        if (!text.starts_with('}')) {
            return false;
        }
        text.remove_prefix(1);
        return true;
    }
    void problem(std::string_view what, std::string_view line) {
        out_.problems.push_back(std::string(what) + ": " + std::string(line));
    }

    Exposition out_;
    std::string family_;
    std::set<std::string> families_;
    std::set<std::string> seen_;
};

}  // namespace tollgate::metrics::test
