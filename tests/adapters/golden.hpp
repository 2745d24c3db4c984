// Golden files of a dialect: tests/golden/<dialect>/<case>.*
//   .request.json -> .upstream (path and body of the upstream request, or why it is refused)
//   .stream.* and .whole.json -> .events (what the decoder says, one event a line)
// Set TOLLGATE_UPDATE_GOLDEN=1 to write the right-hand sides anew; then read the diff.
#pragma once

#include "adapters/codec/json.hpp"
#include "adapters/dialect.hpp"
#include "failover/failure.hpp"
#include "tests/support/catch.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace tollgate::golden {

/// Writes events as lines.
class EventLog final : public adapters::EventSink {
public:
    void started(const adapters::AnswerStart& start) override {
        line("started id=" + std::string(start.id) + " model=" + std::string(start.model) +
             " created=" + std::to_string(start.created));
    }
    void text(unsigned choice, std::string_view piece) override { quoted("text", choice, piece); }
    void reasoning(unsigned choice, std::string_view piece) override {
        quoted("reasoning", choice, piece);
    }
    void refusal(unsigned choice, std::string_view piece) override {
        quoted("refusal", choice, piece);
    }
    void tool_call(unsigned choice, unsigned index, std::string_view id,
                   std::string_view name) override {
        line("tool_call " + std::to_string(choice) + "." + std::to_string(index) +
             " id=" + std::string(id) + " name=" + std::string(name));
    }
    void tool_arguments(unsigned choice, unsigned index, std::string_view piece) override {
        line("arguments " + std::to_string(choice) + "." + std::to_string(index) + " " +
             std::string(piece));
    }
    void extension(unsigned choice, std::string_view name, std::string_view json) override {
        line("extension " + std::to_string(choice) + " " + std::string(name) + " " +
             std::string(json));
    }
    void finished(unsigned choice, adapters::FinishReason reason) override {
        line("finished " + std::to_string(choice) + " " + std::string(to_string(reason)));
    }
    void usage(const adapters::Usage& u) override {
        line("usage input=" + std::to_string(u.input) + " cache_read=" +
             std::to_string(u.cache_read) + " cache_write=" + std::to_string(u.cache_write) +
             " output=" + std::to_string(u.output) + " reasoning=" + std::to_string(u.reasoning) +
             (u.reported ? "" : " (not reported)"));
    }
    void failed(const Failure& failure) {
        line("failed " + std::string(failover::policy(failure.kind).name) + ": " + failure.detail);
    }
    [[nodiscard]] const std::string& lines() const noexcept { return lines_; }

private:
    void line(const std::string& text) { lines_ += text + "\n"; }
    void quoted(std::string_view what, unsigned choice, std::string_view piece) {
        std::string text(what);
        text += " " + std::to_string(choice) + " ";
        json::append_string(text, piece);
        line(text);
    }
    std::string lines_;
};

/// A decoder's whole life over the given pieces.
struct Decoded {
    std::string events;
    bool ok = false;
};
inline Decoded decode(const adapters::Dialect& dialect, adapters::Delivery delivery,
                      std::string_view model, const std::vector<std::string_view>& pieces) {
    adapters::DecodeContext context;
    context.model = model;
    const auto decoder = dialect.decoder(delivery, context);
    EventLog log;
    for (const std::string_view piece : pieces) {
        const std::string moved(piece);  // a view kept by the decoder would be a use after free
        if (auto fed = decoder->feed(moved, log); !fed) {
            log.failed(fed.error());
            return {.events = log.lines(), .ok = false};
        }
    }
    const auto ended = decoder->end(log);
    if (!ended) {
        log.failed(ended.error());
    }
    return {.events = log.lines(), .ok = ended.has_value()};
}

inline std::string read_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

/// Compares with the file, or writes it.
inline void check_file(const std::filesystem::path& path, const std::string& actual) {
    INFO(path.string());
    if (std::getenv("TOLLGATE_UPDATE_GOLDEN") != nullptr) {
        std::ofstream(path, std::ios::binary) << actual;
    }
    CHECK(actual == read_file(path));
}

/// The files of a dialect whose names hold `mark`, with the name before it.
struct Case {
    std::string name;
    std::string text;
    std::filesystem::path expected;
};
inline std::vector<Case> cases(std::string_view dialect, std::string_view mark,
                               std::string_view expected) {
    const auto folder = std::filesystem::path(TOLLGATE_SOURCE_DIR) / "tests/golden" / dialect;
    std::vector<Case> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const std::string file = entry.path().filename().string();
        const std::size_t at = file.find(mark);
        if (at != std::string::npos) {
            const std::string name = file.substr(0, at);
            found.push_back(
                {name, read_file(entry.path()), folder / (name + std::string(expected))});
        }
    }
    return found;
}

/// The operation that a request body is for, by its members.
inline adapters::Operation operation_of(std::string_view body) {
    const auto document = json::Document::parse(body);
    REQUIRE(document.has_value());
    return (*document)["messages"].exists() ? adapters::Operation::chat
           : (*document)["input"].exists()  ? adapters::Operation::embeddings
                                            : adapters::Operation::completions;
}

/// Peeks and encodes; "POST <target>\n<body>\n", or "refused <kind> <param>: <detail>".
inline std::string encode(const adapters::Dialect& dialect, std::string_view body,
                          const adapters::Target& target) {
    std::string slack(body);
    slack.append(adapters::kBodySlack, '\0');
    const auto request = adapters::Request::peek(
        operation_of(body), std::string_view(slack).substr(0, body.size()), 64);
    REQUIRE(request.has_value());
    adapters::UpstreamRequest out;
    const auto encoded = dialect.encode(*request, target, out);
    if (!encoded) {
        return "refused " + std::string(failover::policy(encoded.error().kind).name) + " " +
               std::string(encoded.error().param) + ": " + encoded.error().detail + "\n";
    }
    const std::string joined = out.body.joined();
    CHECK(json::Document::parse(joined).has_value());
    return "POST " + out.target + "\n" + joined + "\n";
}

/// Runs every request of a dialect.
inline void check_requests(const adapters::Dialect& dialect, std::string_view folder,
                           const adapters::Target& target, std::size_t at_least) {
    const auto all = cases(folder, ".request.json", ".upstream");
    CHECK(all.size() >= at_least);
    for (const Case& one : all) {
        check_file(one.expected, encode(dialect, one.text, target));
    }
}

/// Runs every answer of a dialect: whole, byte by byte, split at each offset, cut at each offset.
inline void check_answers(const adapters::Dialect& dialect, std::string_view folder,
                          std::string_view mark, adapters::Delivery delivery,
                          std::string_view model, std::size_t at_least) {
    const auto all = cases(folder, mark, ".events");
    CHECK(all.size() >= at_least);
    for (const Case& one : all) {
        INFO(one.name);
        const std::string_view text = one.text;
        const Decoded whole = decode(dialect, delivery, model, {text});
        check_file(one.expected, whole.events);
        std::vector<std::string_view> bytes;
        for (std::size_t i = 0; i < text.size(); ++i) {
            bytes.push_back(text.substr(i, 1));
        }
        CHECK(decode(dialect, delivery, model, bytes).events == whole.events);
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (decode(dialect, delivery, model, {text.substr(0, i), text.substr(i)}).events !=
                whole.events) {
                FAIL_CHECK("other events when split at " << i);
            }
            const Decoded cut = decode(dialect, delivery, model, {text.substr(0, i)});
            if (cut.ok && cut.events != whole.events) {
                FAIL_CHECK("a clean end when cut at " << i);
            }
        }
    }
}

}  // namespace tollgate::golden
