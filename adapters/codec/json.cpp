#include "adapters/codec/json.hpp"

#include "adapters/codec/json_walk.hpp"

#include <charconv>
#include <cmath>
#include <limits>

namespace tollgate::json {
namespace detail {

/// One value.  Nodes stand in source order, so a container's children follow it and `next` jumps
/// over them.
struct Node {
    std::uint32_t begin = 0;  // of the value's bytes in the source
    std::uint32_t end = 0;
    std::uint32_t next = 0;  // index of the node after this value and all it contains
    std::uint32_t size = 0;  // children, or bytes of the unescaped string
    std::uint32_t text = 0;  // offset of the unescaped string, in the source or in `unescaped`
    std::uint32_t key = 0;   // the same for the member's name
    std::uint32_t key_size = 0;
    Kind kind = Kind::missing;
    bool text_unescaped = false;  // `text` counts in Tree::unescaped
    bool key_unescaped = false;
};

struct Tree {
    std::string_view source;
    std::string unescaped;
    std::vector<Node> nodes;

    [[nodiscard]] std::string_view slice(bool from_unescaped, std::uint32_t at,
                                         std::uint32_t size) const noexcept {
        return {(from_unescaped ? unescaped.data() : source.data()) + at, size};
    }
};

}  // namespace detail

namespace {

using detail::Node;
using detail::Tree;

constexpr std::string_view kTooMany = "more values than the limit allows, counted";

std::optional<double> number_in(std::string_view digits) noexcept {
    double number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc{} || !std::isfinite(number)) {
        return std::nullopt;
    }
    return number;
}

std::optional<std::int64_t> integer_in(std::string_view digits) noexcept {
    std::int64_t exact = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), exact);
    if (end == digits.data() + digits.size()) {
        return error == std::errc{} ? std::optional(exact) : std::nullopt;
    }
    constexpr double kTwo63 = 9223372036854775808.0;
    const std::optional<double> wide = number_in(digits);
    if (!wide || *wide != std::trunc(*wide) || *wide < -kTwo63 || *wide >= kTwo63) {
        return std::nullopt;
    }
    return static_cast<std::int64_t>(*wide);
}

/// Where a string's unescaped text lies.
struct Slice {
    std::uint32_t at = 0;
    std::uint32_t size = 0;
    bool unescaped = false;
};

std::uint32_t narrow(std::size_t size) noexcept {
    return static_cast<std::uint32_t>(size);
}

/// Receives the walk and appends nodes.
class Builder {
public:
    Builder(Tree& tree, std::size_t node_limit) : tree_(tree), limit_(node_limit) {}

    Fault open(Kind kind, std::size_t begin) {
        const Fault fault = add(kind, begin, begin);
        parents_.push_back(narrow(tree_.nodes.size() - 1));
        return fault;
    }
    void close(std::size_t end) {
        Node& node = tree_.nodes[parents_.back()];
        node.end = narrow(end);
        node.next = narrow(tree_.nodes.size());
        parents_.pop_back();
    }
    Fault key(std::size_t begin, std::size_t end) { return read(begin, end, key_); }
    Fault scalar(Kind kind, std::size_t begin, std::size_t end) {
        Slice text;
        if (kind == Kind::string) {
            if (const Fault fault = read(begin, end, text)) {
                return fault;
            }
        }
        const Fault fault = add(kind, begin, end);
        Node& node = tree_.nodes.back();
        node.text = text.at;
        node.size = text.size;
        node.text_unescaped = text.unescaped;
        return fault;
    }

private:
    Fault add(Kind kind, std::size_t begin, std::size_t end) {
        if (!parents_.empty()) {
            ++tree_.nodes[parents_.back()].size;
        }
        Node node;
        node.begin = narrow(begin);
        node.end = narrow(end);
        node.next = narrow(tree_.nodes.size() + 1);
        node.kind = kind;
        node.key = key_.at;
        node.key_size = key_.size;
        node.key_unescaped = key_.unescaped;
        key_ = {};
        tree_.nodes.push_back(node);
        return tree_.nodes.size() > limit_ ? Fault{.what = kTooMany, .offset = begin} : Fault{};
    }
    Fault read(std::size_t begin, std::size_t end, Slice& out) {
        const std::string_view inner = tree_.source.substr(begin + 1, end - begin - 2);
        out = {.at = narrow(begin + 1), .size = narrow(inner.size())};
        if (inner.find('\\') == std::string_view::npos) {
            return {};
        }
        const std::size_t at = tree_.unescaped.size();
        const std::size_t bad = unescape(inner, tree_.unescaped);
        if (bad != std::string_view::npos) {
            return {.what = kBadEscape, .offset = begin + 1 + bad};
        }
        out = {.at = narrow(at), .size = narrow(tree_.unescaped.size() - at), .unescaped = true};
        return {};
    }

    Tree& tree_;
    std::size_t limit_;
    Slice key_;
    std::vector<std::uint32_t> parents_;
};

const Node* node_of(const Tree* tree, std::uint32_t index) noexcept {
    return tree == nullptr ? nullptr : &tree->nodes[index];
}

}  // namespace

Kind Value::kind() const noexcept {
    const Node* node = node_of(tree_, node_);
    return node == nullptr ? Kind::missing : node->kind;
}

std::string_view Value::string(std::string_view fallback) const noexcept {
    if (!is_string()) {
        return fallback;
    }
    const Node& node = tree_->nodes[node_];
    return tree_->slice(node.text_unescaped, node.text, node.size);
}

bool Value::boolean(bool fallback) const noexcept {
    return is_bool() ? raw().front() == 't' : fallback;
}

std::optional<double> Value::number() const noexcept {
    return is_number() ? number_in(raw()) : std::nullopt;
}

std::optional<std::int64_t> Value::integer() const noexcept {
    return is_number() ? integer_in(raw()) : std::nullopt;
}

std::uint64_t Value::count() const noexcept {
    return is_number() ? count_of(raw()) : 0;
}

std::uint64_t count_of(std::string_view raw) noexcept {
    if (raw.empty() || raw.front() < '0' || raw.front() > '9') {
        return 0;  // no number, or a negative one
    }
    const std::optional<std::int64_t> number = integer_in(raw);
    return number && *number > 0 ? static_cast<std::uint64_t>(*number) : 0;
}

std::string_view Value::raw() const noexcept {
    const Node* node = node_of(tree_, node_);
    return node == nullptr ? std::string_view{}
                           : tree_->source.substr(node->begin, node->end - node->begin);
}

std::size_t Value::size() const noexcept {
    return is_array() || is_object() ? tree_->nodes[node_].size : 0;
}

Value Value::operator[](std::size_t index) const noexcept {
    if (!is_array() || index >= size()) {
        return {};
    }
    Iterator at = begin();
    for (; index > 0; --index) {
        ++at;
    }
    return *at;
}

Value Value::operator[](std::string_view key) const noexcept {
    Value found;
    if (is_object()) {
        for (const Value member : *this) {
            if (member.key() == key) {
                found = member;
            }
        }
    }
    return found;
}

std::string_view Value::key() const noexcept {
    const Node* node = node_of(tree_, node_);
    return node == nullptr ? std::string_view{}
                           : tree_->slice(node->key_unescaped, node->key, node->key_size);
}

Value::Iterator& Value::Iterator::operator++() noexcept {
    node_ = tree_->nodes[node_].next;
    return *this;
}

Value::Iterator Value::begin() const noexcept {
    return is_array() || is_object() ? Iterator(tree_, node_ + 1) : Iterator();
}

Value::Iterator Value::end() const noexcept {
    return is_array() || is_object() ? Iterator(tree_, tree_->nodes[node_].next) : Iterator();
}

Document::Document() = default;
Document::~Document() = default;
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;

Result<Document> Document::parse(std::string_view bytes, const Limits& limits) {
    std::span<const std::uint32_t> tokens;
    Fault fault = index_tokens(bytes, tokens);
    Document document;
    if (!fault) {
        document.tree_ = std::make_unique<Tree>();
        document.tree_->source = bytes;
        document.tree_->nodes.reserve(std::min(tokens.size() / 2 + 1, limits.nodes));
        Builder builder(*document.tree_, limits.nodes);
        fault = Walker<Builder>(bytes, tokens, limits.depth, builder).run();
    }
    if (!fault) {
        return document;
    }
    std::string sentence = fault.sentence();
    if (fault.what == kTooDeep) {
        sentence += " (limit " + std::to_string(std::min(limits.depth, kDepthCeiling)) + ")";
    } else if (fault.what == kTooMany) {
        sentence += " (limit " + std::to_string(limits.nodes) + ")";
    }
    return fail(FailureKind::protocol_error, std::move(sentence));
}

Value Document::root() const noexcept {
    return tree_ ? Value(tree_.get(), 0) : Value();
}

}  // namespace tollgate::json
