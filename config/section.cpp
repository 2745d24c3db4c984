#include "config/section.hpp"

#include "config/expand.hpp"

#include <algorithm>
#include <numeric>

namespace tollgate::config {
namespace {

std::string_view kind_text(yaml::Kind kind) noexcept {
    switch (kind) {
        case yaml::Kind::null:
            return "nothing";
        case yaml::Kind::scalar:
            return "a single value";
        case yaml::Kind::sequence:
            return "a list";
        case yaml::Kind::map:
            return "a mapping";
    }
    return "something else";
}

/// Edits (insert, delete, replace, swap of neighbours) that make `a` into `b`: optimal string
/// alignment.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> last(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(last.begin(), last.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U);
            row[j] = std::min({replace, last[j] + 1, row[j - 1] + 1});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], before[j - 2] + 1);
            }
        }
        std::swap(before, last);
        std::swap(last, row);
    }
    return last[b.size()];
}

std::string join(const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words) {
        out += (out.empty() ? "" : ", ") + word;
    }
    return out;
}

/// Where a key is remembered: a mapping or list at its key, a single value at the value.
Position place_of(const yaml::Entry& entry) noexcept {
    return entry.value->kind == yaml::Kind::scalar ? entry.value->at : entry.at;
}

}  // namespace

std::string_view nearest(std::string_view key, const std::vector<std::string>& known) {
    constexpr std::size_t kLongest = 64;  // bounds the work for absurd keys
    if (key.size() > kLongest) {
        return {};
    }
    const std::size_t allowed = std::max<std::size_t>(1, key.size() / 3);
    std::size_t best = allowed + 1;
    std::string_view found;
    for (const std::string& word : known) {
        const std::size_t distance = edit_distance(key, word);
        if (distance < best) {
            best = distance;
            found = word;
        }
    }
    return found;
}

void Context::problem(Position at, std::string_view path, std::string text) {
    if (problems.size() > kMaxProblems) {
        return;
    }
    problems.push_back(Problem{.file = source.file,
                               .line = at.line,
                               .column = at.column,
                               .path = std::string(path),
                               .text = std::move(text)});
}

void Context::warning(Position at, std::string_view path, std::string text) {
    if (warnings.size() >= kMaxProblems) {
        return;
    }
    warnings.push_back(Problem{.file = source.file,
                               .line = at.line,
                               .column = at.column,
                               .path = std::string(path),
                               .text = std::move(text)});
}

void Context::report_missing(Position at, std::string_view path, std::string text) {
    switch (missing) {
        case Missing::problem:
            problem(at, path, std::move(text));
            break;
        case Missing::warn:
            warning(at, path, std::move(text));
            break;
        case Missing::ignore:
            break;
    }
}

std::optional<std::string> Context::expanded(const yaml::Node& node, std::string_view path,
                                             std::string_view expected) {
    if (node.kind != yaml::Kind::scalar) {
        problem(node.at, path,
                std::string(expected) + ", got " + std::string(kind_text(node.kind)));
        return std::nullopt;
    }
    std::expected<std::string, ExpandError> text = expand(node.text, env_);
    if (!text) {
        if (text.error().is_unset) {
            report_missing(node.at, path, std::move(text.error().text));
        } else {
            problem(node.at, path, std::move(text.error().text));
        }
        return std::nullopt;
    }
    if (text->empty() && !node.text.empty()) {
        return std::nullopt;
    }
    return std::move(*text);
}

void Context::remember(std::string_view path, std::string text) {
    if (!path.starts_with("keys[")) {  // there may be thousands, and each is a secret's hash
        source.texts.insert_or_assign(std::string(path), std::move(text));
    }
}

std::optional<Secret> Context::secret(const yaml::Node& node, std::string_view path) {
    std::optional<std::string> text =
        expanded(node, path, "expected a text, ${VARIABLE} or file:/path");
    if (!text || text->empty()) {
        return std::nullopt;
    }
    std::expected<Secret, ExpandError> secret = read_secret(std::move(*text), env_);
    if (!secret) {
        if (missing == Missing::ignore) {
            return std::nullopt;
        }
        problem(node.at, path, std::move(secret.error().text));
        return std::nullopt;
    }
    if (!scalar::is_header_value(secret->reveal())) {
        problem(node.at, path, "the value contains control characters or more than one line");
        return std::nullopt;
    }
    remember(path, "***");
    return secret->empty() ? std::nullopt : std::optional(std::move(*secret));
}

std::string Context::shown(const yaml::Node& node) {
    constexpr std::size_t kShort =
        20;  // keys and passwords worth protecting are longer than any duration or size
    return node.text.size() <= kShort ? ", got \"" + printable(node.text, kShort) + '"'
                                      : std::string();
}

Section::Section(Context& context, const yaml::Node* node, std::string path)
    : context_(context), node_(node), path_(std::move(path)) {
    if (node_ != nullptr) {
        for (const yaml::Entry& entry : node_->entries) {
            context_.source.positions.insert_or_assign(path_of(entry.key), place_of(entry));
        }
    }
}

std::string Section::path_of(std::string_view key) const {
    return path_.empty() ? std::string(key) : path_ + '.' + std::string(key);
}

const yaml::Node* Section::take(std::string_view key) {
    known_.emplace_back(key);
    if (is_listing()) {
        context_.listing->push_back(path_of(key));
        return nullptr;
    }
    if (node_ == nullptr) {
        return nullptr;
    }
    const auto found = std::ranges::find(node_->entries, key, &yaml::Entry::key);
    const bool given = found != node_->entries.end() && found->value->kind != yaml::Kind::null;
    return given ? found->value.get() : nullptr;
}

void Section::path(std::string_view key, std::string& out) {
    read(key, out, [this](std::string_view text) -> scalar::Parsed<std::string> {
        scalar::Parsed<std::string> path = scalar::text(text);
        return path ? scalar::Parsed<std::string>(expand_home(*path, context_.env()))
                    : std::unexpected("expected a path");
    });
}

void Section::duration(std::string_view key, milliseconds& out, milliseconds low,
                       milliseconds high) {
    read(key, out, [=](std::string_view text) { return scalar::duration(text, low, high); });
}

void Section::size(std::string_view key, std::uint64_t& out, std::uint64_t low,
                   std::uint64_t high) {
    read(key, out, [=](std::string_view text) { return scalar::size(text, low, high); });
}

void Section::secret(std::string_view key, Secret& out) {
    if (const yaml::Node* node = take(key)) {
        if (std::optional<Secret> secret = context_.secret(*node, path_of(key))) {
            out = std::move(*secret);
        }
    }
}

void Section::each(const yaml::Node& node, const std::string& path,
                   const std::function<void(const yaml::Node&, const std::string&)>& use) {
    if (node.kind == yaml::Kind::scalar) {
        use(node, path);
        return;
    }
    if (node.kind != yaml::Kind::sequence) {
        context_.problem(
            node.at, path,
            "expected a list such as [a, b], got " + std::string(kind_text(node.kind)));
        return;
    }
    std::size_t index = 0;
    for (const yaml::NodePtr& item : node.items) {
        const std::string item_path = path + '[' + std::to_string(index++) + ']';
        context_.source.positions.insert_or_assign(item_path, item->at);
        use(*item, item_path);
    }
}

bool Section::is_map(const yaml::Node& node, const std::string& path) {
    if (node.kind == yaml::Kind::map) {
        return true;
    }
    context_.problem(node.at, path,
                     "expected a mapping (key: value), got " + std::string(kind_text(node.kind)));
    return false;
}

void Section::section(std::string_view key, const std::function<void(Section&)>& use) {
    const yaml::Node* node = take(key);
    const std::string path = path_of(key);
    if (!is_listing() && (node == nullptr || !is_map(*node, path))) {
        return;
    }
    Section inner(context_, node, path);
    use(inner);
    inner.finish();
}

void Section::sections(std::string_view key, const std::function<void(Section&)>& use) {
    const yaml::Node* node = take(key);
    const auto one = [&](const yaml::Node* item, const std::string& path) {
        if (item != nullptr && !is_map(*item, path)) {
            return;
        }
        Section inner(context_, item, path);
        use(inner);
        inner.finish();
    };
    if (is_listing()) {
        one(nullptr, path_of(key) + "[]");
    } else if (node != nullptr && node->kind == yaml::Kind::sequence) {
        each(*node, path_of(key),
             [&](const yaml::Node& item, const std::string& path) { one(&item, path); });
    } else if (node != nullptr) {
        context_.problem(node->at, path_of(key),
                         "expected a list of mappings, got " + std::string(kind_text(node->kind)));
    }
}

void Section::named(std::string_view key, std::string_view placeholder,
                    const std::function<void(const Named&)>& use) {
    const yaml::Node* node = take(key);
    if (is_listing() || (node != nullptr && is_map(*node, path_of(key)))) {
        Section inner(context_, node, path_of(key));
        inner.rest(placeholder, use);
    }
}

void Section::rest(std::string_view placeholder, const std::function<void(const Named&)>& use) {
    if (is_listing()) {
        const std::string name(placeholder);
        const std::string path = path_of(name);
        context_.listing->push_back(path);
        use(Named{.name = name, .at = {}, .node = nullptr, .path = path});
        return;
    }
    if (node_ == nullptr) {
        return;
    }
    is_open_ = true;
    for (const yaml::Entry& entry : node_->entries) {
        if (std::ranges::find(known_, entry.key) == known_.end()) {
            const std::string path = path_of(printable(entry.key, 128));
            context_.source.positions.insert_or_assign(path, place_of(entry));
            use(Named{.name = entry.key, .at = entry.at, .node = entry.value.get(), .path = path});
        }
    }
}

void Section::finish() {
    if (node_ == nullptr || is_listing() || is_open_) {
        return;
    }
    for (const yaml::Entry& entry : node_->entries) {
        if (std::ranges::find(known_, entry.key) != known_.end()) {
            continue;
        }
        if (context_.problems.size() > kMaxProblems) {
            return;
        }
        const std::string_view near = nearest(entry.key, known_);
        context_.problem(entry.at, path_of(printable(entry.key, 64)),
                         near.empty() ? "unknown key; known here: " + join(known_)
                                      : "unknown key; did you mean " + std::string(near) + '?');
    }
}

}  // namespace tollgate::config
