// Runs a golden table of requests through a dialect.  A table is a JSON array of
//   {"name", "model", "operation"?, "input": <OpenAI request>, "target"?, "output": <upstream
//   body>}   or
//   {"name", "model", "operation"?, "input", "param": <the field that the refusal names>, "says"?:
//   <part of its text>}
#pragma once

#include "adapters/codec/json.hpp"
#include "adapters/dialect.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/event_log.hpp"

#include <string>
#include <string_view>

namespace tollgate::tests {

/// JSON without white space between tokens, so that tables may be laid out for reading.
inline std::string without_blanks(std::string_view json) {
    std::string out;
    bool in_string = false;
    for (std::size_t i = 0; i < json.size(); ++i) {
        if (!in_string && std::string_view(" \t\r\n").find(json[i]) != std::string_view::npos) {
            continue;
        }
        out += json[i];
        if (json[i] == '"') {
            in_string = !in_string;
        } else if (json[i] == '\\' && ++i < json.size()) {
            out += json[i];
        }
    }
    return out;
}

/// A request body with the slack that Request::peek asks for.
class PaddedBody {
public:
    explicit PaddedBody(std::string_view body) : bytes_(body), size_(body.size()) {
        bytes_.append(adapters::kBodySlack, '\0');
    }
    [[nodiscard]] std::string_view view() const noexcept {
        return std::string_view(bytes_).substr(0, size_);
    }

private:
    std::string bytes_;
    std::size_t size_;
};

inline adapters::Operation operation_of(std::string_view name) {
    if (name == "completions") {
        return adapters::Operation::completions;
    }
    return name == "embeddings" ? adapters::Operation::embeddings : adapters::Operation::chat;
}

inline void run_request_case(json::Value one, const adapters::Dialect& dialect,
                             const adapters::Endpoint& endpoint) {
    INFO("case: " << one["name"].string());
    const PaddedBody body(one["input"].raw());
    const auto request =
        adapters::Request::peek(operation_of(one["operation"].string("chat")), body.view(), 64);
    REQUIRE(request);
    adapters::UpstreamRequest out;
    const adapters::Target target{.endpoint = &endpoint, .model = one["model"].string()};
    const Result<void> done = dialect.encode(*request, target, out);
    if (one["param"].exists()) {
        REQUIRE_FALSE(done);
        CHECK(done.error().kind == FailureKind::bad_request);
        CHECK(done.error().param == one["param"].string());
        CHECK(done.error().detail.find(one["says"].string()) != std::string::npos);
        return;
    }
    INFO((done ? std::string() : std::string(done.error().param) + ": " + done.error().detail));
    REQUIRE(done);
    CHECK(without_blanks(out.body.joined()) == without_blanks(one["output"].raw()));
    if (one["target"].exists()) {
        CHECK(out.target == one["target"].string());
    }
}

inline void run_request_table(const std::string& path, const adapters::Dialect& dialect,
                              const adapters::Endpoint& endpoint) {
    const std::string text = read_file(path);
    const auto table = json::Document::parse(text);
    INFO(path);
    REQUIRE(table);
    REQUIRE(table->root().size() > 0);
    for (const json::Value one : table->root()) {
        run_request_case(one, dialect, endpoint);
    }
}

}  // namespace tollgate::tests
