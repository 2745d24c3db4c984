#include "config/yaml.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace tollgate::config::yaml {
namespace {

/// Thrown from the event handler through yaml-cpp to read(), which is the only way to make it stop.
struct Stop {
    Position at;
    std::string text;
};

Position position(const YAML::Mark& mark) noexcept {
    return Position{.line = static_cast<unsigned>(mark.line) + 1,
                    .column = static_cast<unsigned>(mark.column) + 1};
}

/// Builds the tree out of yaml-cpp's events.
class Builder final : public YAML::EventHandler {
public:
    explicit Builder(std::string_view file) : file_(file) {}

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (documents_++ != 0) {
            throw Stop{position(mark), "expected one YAML document, found a second one after ---"};
        }
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        add(anchor, std::make_shared<Node>(Node{.kind = Kind::null, .at = position(mark)}));
    }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        check_tag(mark, tag);
        add(anchor, std::make_shared<Node>(
                        Node{.kind = Kind::scalar, .at = position(mark), .text = value}));
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end()) {
            throw Stop{position(mark), "this alias refers to a value that it is itself a part of"};
        }
        place(found->second, position(mark));
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value /*style*/) override {
        check_tag(mark, tag);
        open(Kind::sequence, mark, anchor);
    }
    void OnSequenceEnd() override { close(); }

    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value /*style*/) override {
        check_tag(mark, tag);
        open(Kind::map, mark, anchor);
    }
    void OnMapEnd() override {
        merge(open_.back());
        close();
    }

    void report(Position at, std::string path, std::string text) {
        constexpr std::size_t kMost = 1000;
        if (problems_.size() >= kMost) {
            throw Stop{at, "more than " + std::to_string(kMost) +
                               " problems; the rest of the file was not read"};
        }
        problems_.push_back(Problem{.file = file_,
                                    .line = at.line,
                                    .column = at.column,
                                    .path = std::move(path),
                                    .text = std::move(text)});
    }

    /// The last problem: nothing after it is read.
    void stop(const Stop& stop) {
        problems_.push_back(Problem{
            .file = file_, .line = stop.at.line, .column = stop.at.column, .text = stop.text});
    }

    [[nodiscard]] Document take() {
        if (!root_) {
            root_ = std::make_shared<Node>();
        }
        return Document{.root = std::move(root_), .problems = std::move(problems_)};
    }

private:
    struct Open {
        std::shared_ptr<Node> node;
        YAML::anchor_t anchor;
        std::optional<Entry> entry = {};  // map: a key that waits for its value
        bool skip = false;                // map: the value belongs to a key that was refused
        std::unordered_set<std::string> keys = {};
        std::vector<NodePtr> merges = {};
    };

    void check_tag(const YAML::Mark& mark, const std::string& tag) {
        // "?" is yaml-cpp's mark of an untagged plain value, "!" that of a quoted one.
        constexpr std::string_view kStandard = "tag:yaml.org,2002:";
        if (!tag.empty() && tag != "?" && tag != "!" &&
            !std::string_view(tag).starts_with(kStandard)) {
            report(position(mark), {}, "YAML tags such as !custom are not supported");
        }
    }

    void open(Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
        if (open_.size() >= kMaxDepth) {
            throw Stop{position(mark),
                       "nested more than " + std::to_string(kMaxDepth) + " levels deep"};
        }
        open_.push_back(
            Open{.node = std::make_shared<Node>(Node{.kind = kind, .at = position(mark)}),
                 .anchor = anchor});
    }

    void close() {
        Open done = std::move(open_.back());
        open_.pop_back();
        add(done.anchor, std::move(done.node));
    }

    void add(YAML::anchor_t anchor, NodePtr node) {
        const Position at = node->at;
        if (anchor != YAML::NullAnchor) {
            anchors_.insert_or_assign(anchor, node);
        }
        place(std::move(node), at);
    }

    void place(NodePtr node, Position at) {
        if (open_.empty()) {
            root_ = std::move(node);
            return;
        }
        Open& top = open_.back();
        if (top.node->kind == Kind::map && !top.entry && !top.skip) {
            start_entry(top, *node, at);
            return;
        }
        count(*top.node, *node, at);
        if (top.node->kind == Kind::sequence) {
            top.node->items.push_back(std::move(node));
        } else if (std::exchange(top.skip, false)) {
            top.entry.reset();
        } else if (top.entry->key == "<<") {
            top.merges.push_back(std::move(node));
            top.entry.reset();
        } else {
            top.entry->value = std::move(node);
            top.node->entries.push_back(*std::exchange(top.entry, std::nullopt));
        }
    }

    void start_entry(Open& top, const Node& key, Position at) {
        if (key.kind != Kind::scalar) {
            report(at, {}, "expected a plain text as key");
            top.skip = true;
        } else if (!top.keys.insert(key.text).second) {
            report(at, path_of(key.text), "this key is given twice in the same mapping");
            top.skip = true;
        } else {
            top.entry = Entry{.key = key.text, .at = at, .value = nullptr};
        }
    }

    /// Where `key` of the innermost mapping stands in the document.
    [[nodiscard]] std::string path_of(std::string_view key) const {
        std::string path;
        for (std::size_t i = 0; i + 1 < open_.size(); ++i) {
            const Open& outer = open_[i];
            if (outer.node->kind == Kind::sequence) {
                path += '[' + std::to_string(outer.node->items.size()) + ']';
            } else if (outer.entry) {
                path += (path.empty() ? "" : ".") + printable(outer.entry->key, 64);
            }
        }
        return path + (path.empty() ? "" : ".") + printable(key, 64);
    }

    /// Adds `child` to the totals of `parent`, which is what stops alias bombs: nothing is ever
    /// copied, but readers walk.
    static void count(Node& parent, const Node& child, Position at) {
        parent.values += child.values;
        parent.depth = std::max(parent.depth, child.depth + 1);
        if (parent.values > kMaxValues) {
            throw Stop{at, "more than " + std::to_string(kMaxValues) + " values, aliases expanded"};
        }
        if (parent.depth > kMaxDepth) {
            throw Stop{at, "nested more than " + std::to_string(kMaxDepth) +
                               " levels deep, aliases expanded"};
        }
    }

    /// Fills in what "<<" names: own keys win, then the first of several merges.
    void merge(Open& top) {
        std::vector<NodePtr> sources;
        for (const NodePtr& value : top.merges) {
            if (value->kind == Kind::sequence) {
                sources.insert(sources.end(), value->items.begin(), value->items.end());
            } else {
                sources.push_back(value);
            }
        }
        for (const NodePtr& source : sources) {
            if (source->kind != Kind::map) {
                report(source->at, "<<", "expected a mapping, or a list of mappings, to merge");
                continue;
            }
            for (const Entry& entry : source->entries) {
                if (top.keys.insert(entry.key).second) {
                    top.node->entries.push_back(entry);
                }
            }
        }
    }

    std::string file_;
    std::vector<Problem> problems_;
    std::vector<Open> open_;
    std::unordered_map<YAML::anchor_t, NodePtr> anchors_;
    NodePtr root_;
    unsigned documents_ = 0;
};

/// Length of the UTF-8 sequence that starts `text`, 0 when it is not one (RFC 3629: shortest form,
/// no surrogates).
std::size_t utf8_length(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) -> unsigned {
        return static_cast<unsigned char>(text[i]);
    };
    const unsigned first = byte(0);
    if (first < 0x80) {
        return 1;
    }
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < length) {
        return 0;
    }
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0U) != 0x80) {
            return 0;
        }
    }
    const unsigned second = byte(1);
    const bool bad = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
                     (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
    return bad ? 0 : length;
}

/// The first byte that no YAML text may contain.
std::optional<Stop> find_bad_byte(std::string_view text) {
    Position at{.line = 1, .column = 1};
    for (std::size_t i = 0; i < text.size();) {
        const char c = text[i];
        const std::size_t length = utf8_length(text.substr(i));
        if (length == 0) {
            return Stop{at, "not UTF-8 text"};
        }
        if ((static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r') ||
            c == 0x7f) {
            return Stop{at, "control character " + printable(text.substr(i, 1), 1)};
        }
        i += length;
        if (c == '\n') {
            ++at.line;
            at.column = 1;
        } else {
            ++at.column;
        }
    }
    return std::nullopt;
}

}  // namespace

Document read(std::string_view text, std::string_view file) {
    Builder builder(file);
    if (text.size() > kMaxBytes) {
        builder.stop({{}, "larger than " + std::to_string(kMaxBytes) + " bytes"});
        return builder.take();
    }
    try {
        if (const std::optional<Stop> bad = find_bad_byte(text)) {
            throw *bad;
        }
        std::istringstream stream{std::string(text)};
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(builder)) {}
    } catch (const Stop& stop) {
        builder.stop(stop);
    } catch (const YAML::Exception& error) {
        builder.stop({error.mark.is_null() ? Position{} : position(error.mark),
                      "YAML syntax: " + error.msg});
    } catch (const std::exception&) {
        builder.stop({{}, "YAML syntax: the file cannot be read as YAML"});
    }
    return builder.take();
}

}  // namespace tollgate::config::yaml
