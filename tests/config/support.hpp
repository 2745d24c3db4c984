// What the tests of config/ share.
#pragma once

#include "config/environment.hpp"
#include "config/parse.hpp"
#include "tests/support/catch.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tollgate::config::test {

inline Environment environment(std::map<std::string, std::string, std::less<>> variables = {}) {
    return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
}

/// The settings of a text that must be accepted.
inline Settings accept(std::string_view yaml, const Environment& env = environment()) {
    auto settings = parse(yaml, "t.yaml", env);
    if (!settings) {
        for (const Problem& problem : settings.error()) {
            UNSCOPED_INFO(to_string(problem));
        }
        FAIL("refused:\n" << yaml);
    }
    return std::move(*settings);
}

/// The problems of a text that must be refused, as lines.
inline std::vector<std::string> refuse(std::string_view yaml,
                                       const Environment& env = environment()) {
    const auto settings = parse(yaml, "t.yaml", env);
    if (settings) {
        FAIL("accepted:\n" << yaml);
    }
    std::vector<std::string> lines;
    for (const Problem& problem : settings.error()) {
        lines.push_back(to_string(problem));
    }
    return lines;
}

inline std::vector<std::string> lines_of(const std::vector<Problem>& problems) {
    std::vector<std::string> lines;
    for (const Problem& problem : problems) {
        lines.push_back(to_string(problem));
    }
    return lines;
}

/// A directory of its own that goes away with the test.
class ScratchDirectory {
public:
    ScratchDirectory() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "tollgate-config-XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
    }
    ScratchDirectory(const ScratchDirectory&) = delete;
    ScratchDirectory& operator=(const ScratchDirectory&) = delete;
    ~ScratchDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] std::string write(const std::string& name, std::string_view content) const {
        const std::string path = path_ + '/' + name;
        std::ofstream(path, std::ios::binary) << content;
        return path;
    }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    std::string path_;
};

inline const std::string kHash = "sha256:" + std::string(64, 'a');

}  // namespace tollgate::config::test
