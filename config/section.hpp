// Reads one mapping of the file into a struct, key by key.  Asking for a key also declares it, so
// the same code reads the file, refuses unknown keys and lists the known ones: there is no second
// table to forget.
#pragma once

#include "config/environment.hpp"
#include "config/scalar.hpp"
#include "config/settings.hpp"
#include "config/yaml.hpp"

#include <array>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tollgate::config {

/// The nearest of `known` to a misspelled `key`, or empty when none is near.
[[nodiscard]] std::string_view nearest(std::string_view key, const std::vector<std::string>& known);

/// What happens to a variable that is not set, or a secret file that cannot be read.
enum class Missing : std::uint8_t {
    problem,
    warn,    ///< the setting stays unset, with a warning: credentials of a provider not explicitly
             ///< enabled
    ignore,  ///< the setting stays unset: providers explicitly switched off
};

/// A hostile file cannot make the list of problems grow without bound; no person reads more than
/// this.
inline constexpr std::size_t kMaxProblems = 1000;

/// What one run of the reader gathers.
class Context {
public:
    Context(const Environment& env, std::string_view file) : env_(env) { source.file = file; }

    Source source;
    std::vector<Problem> problems;
    std::vector<Problem> warnings;
    std::vector<std::string>* listing = nullptr;  ///< when set, keys are listed and nothing is read
    Missing missing = Missing::problem;

    void problem(Position at, std::string_view path, std::string text);
    void warning(Position at, std::string_view path, std::string text);

    /// The expanded text of a scalar; nothing (after a report) where it is something else or cannot
    /// be expanded, and nothing without a report where a variable expands to nothing, which leaves
    /// the default.
    [[nodiscard]] std::optional<std::string> expanded(const yaml::Node& node, std::string_view path,
                                                      std::string_view expected);
    [[nodiscard]] std::optional<Secret> secret(const yaml::Node& node, std::string_view path);

    /// One scalar through one of the functions of scalar.hpp.
    template <class T, class Parse>
    bool value(const yaml::Node& node, std::string_view path, T& out, const Parse& parse) {
        const auto expectation = parse(std::string_view());
        const std::string_view expected =
            expectation ? std::string_view("a text") : expectation.error();
        const std::optional<std::string> text = expanded(node, path, expected);
        if (!text) {
            return false;
        }
        remember(path, node.text);
        auto parsed = parse(std::string_view(*text));
        if (!parsed) {
            problem(node.at, path, parsed.error() + shown(node));
            return false;
        }
        if constexpr (requires { out.emplace(); }) {
            out.emplace(static_cast<typename T::value_type>(std::move(*parsed)));
        } else {
            out = static_cast<T>(std::move(*parsed));
        }
        return true;
    }

    [[nodiscard]] const Environment& env() const noexcept { return env_; }

private:
    /// ", got …" with the text as written, unless it is so long that it may be a misplaced secret.
    [[nodiscard]] static std::string shown(const yaml::Node& node);
    void remember(std::string_view path, std::string text);
    void report_missing(Position at, std::string_view path, std::string text);

    const Environment& env_;
};

class Section {
public:
    /// `node` null: nothing is given, all keys keep their defaults.
    Section(Context& context, const yaml::Node* node, std::string path);

    /// The value of `key`, or null where it is not given; declares the key.
    [[nodiscard]] const yaml::Node* take(std::string_view key);

    template <class T, class Parse>
    bool read(std::string_view key, T& out, const Parse& parse) {
        const yaml::Node* node = take(key);
        return node != nullptr && context_.value(*node, path_of(key), out, parse);
    }
    void text(std::string_view key, std::string& out) { read(key, out, scalar::text); }
    void path(std::string_view key, std::string& out);  ///< a file name; "~/" is replaced
    template <class T>
    void flag(std::string_view key, T& out) {
        read(key, out, scalar::boolean);
    }
    template <class T>
    void count(std::string_view key, T& out, std::uint64_t low, std::uint64_t high) {
        read(key, out, [=](std::string_view text) { return scalar::integer(text, low, high); });
    }
    void duration(std::string_view key, milliseconds& out, milliseconds low, milliseconds high);
    void size(std::string_view key, std::uint64_t& out, std::uint64_t low, std::uint64_t high);

    /// One of the words of a table {{"word", value}, …}.
    template <class T, class E, std::size_t N>
    void choice(std::string_view key, T& out,
                const std::array<std::pair<std::string_view, E>, N>& table) {
        read(key, out, [&](std::string_view text) -> scalar::Parsed<E> {
            std::string words;
            for (const auto& [word, value] : table) {
                if (word == text) {
                    return value;
                }
                words += (words.empty() ? "" : ", ") + std::string(word);
            }
            return std::unexpected("expected one of " + words);
        });
    }

    void secret(std::string_view key, Secret& out);
    /// A list, or one scalar that stands for a list of one.  Replaces the default.
    template <class T, class Parse>
    void list(std::string_view key, std::vector<T>& out, const Parse& parse) {
        const yaml::Node* node = take(key);
        if (node != nullptr) {
            list_of(*node, path_of(key), out, parse);
        }
    }
    template <class T, class Parse>
    void list_of(const yaml::Node& node, const std::string& path, std::vector<T>& out,
                 const Parse& parse) {
        std::vector<T> values;
        each(node, path, [&](const yaml::Node& item, const std::string& item_path) {
            T value{};
            if (context_.value(item, item_path, value, parse)) {
                values.push_back(std::move(value));
            }
        });
        out = std::move(values);
    }
    /// Calls `use` for every item of a list, or once for a scalar.
    void each(const yaml::Node& node, const std::string& path,
              const std::function<void(const yaml::Node&, const std::string&)>& use);

    /// A mapping with fixed keys.
    void section(std::string_view key, const std::function<void(Section&)>& use);
    /// A list of mappings with fixed keys.
    void sections(std::string_view key, const std::function<void(Section&)>& use);
    /// A mapping whose keys are the user's own; `use` gets key, its position, value and path.  In a
    /// listing it is called once with `placeholder` and a null node.
    struct Named {
        const std::string& name;
        Position at;
        const yaml::Node* node;
        const std::string& path;
    };
    void named(std::string_view key, std::string_view placeholder,
               const std::function<void(const Named&)>& use);
    /// As named(), for this mapping's own keys beyond those declared so far (providers.default
    /// beside providers).
    void rest(std::string_view placeholder, const std::function<void(const Named&)>& use);

    /// Reports the keys that nobody took.
    void finish();

    [[nodiscard]] std::string path_of(std::string_view key) const;
    [[nodiscard]] const std::string& own_path() const noexcept { return path_; }
    [[nodiscard]] Position at() const noexcept { return node_ == nullptr ? Position{} : node_->at; }
    [[nodiscard]] Context& context() noexcept { return context_; }
    /// True where keys are only listed.
    [[nodiscard]] bool is_listing() const noexcept { return context_.listing != nullptr; }

private:
    [[nodiscard]] bool is_map(const yaml::Node& node, const std::string& path);

    Context& context_;
    const yaml::Node* node_;
    std::string path_;
    std::vector<std::string> known_;
    bool is_open_ = false;  ///< rest() took whatever else is there
};

}  // namespace tollgate::config
