// A vendor's answer gives the same status, body and verdict however it is split; the body never
// grows.
#include "server/upstream/response_parser.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using tollgate::server::upstream::CallHead;
using tollgate::server::upstream::ResponseParser;
using HeadState = ResponseParser::HeadState;

struct Outcome {
    HeadState head = HeadState::need_more;
    unsigned status = 0;
    std::string fields;
    std::string body;
    bool complete = false;
    bool malformed = false;
    bool excess = false;
    bool keep_alive = false;
    bool operator==(const Outcome&) const = default;
};

void take(ResponseParser& parser, std::string_view bytes, Outcome& outcome) {
    std::vector<char> data(bytes.begin(), bytes.end());
    const ResponseParser::BodyStep step = parser.body(data.data(), data.size());
    if (step.size > data.size()) {
        std::abort();
    }
    outcome.body.append(data.data(), step.size);
    outcome.complete = step.ended || parser.has_ended();
    outcome.malformed = step.malformed;
    outcome.excess = step.excess;
}

Outcome read(std::string_view bytes, std::size_t step) {
    ResponseParser parser;
    CallHead head;
    Outcome outcome;
    std::string received;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        const std::string_view piece = bytes.substr(at, step);
        if (outcome.head == HeadState::done) {
            if (outcome.malformed) {
                break;
            }
            if (outcome.complete) {
                outcome.excess = true;
                break;
            }
            take(parser, piece, outcome);
            continue;
        }
        received.append(piece);
        const ResponseParser::HeadStep judged = parser.head(received, head);
        outcome.head = judged.state;
        if (judged.state == HeadState::malformed) {
            return {.head = HeadState::malformed};
        }
        if (judged.state == HeadState::done) {
            if (judged.consumed > received.size() || (head.status >= 100 && head.status < 200)) {
                std::abort();
            }
            outcome.status = head.status;
            outcome.fields = head.relayed;
            outcome.keep_alive = parser.keep_alive();
            take(parser, std::string_view(received).substr(judged.consumed), outcome);
        }
    }
    return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0 || size > 4096) {  // heads are judged anew for each piece
        return 0;
    }
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const Outcome whole = read(bytes, size);
    if (read(bytes, 1) != whole || read(bytes, 5) != whole) {
        std::abort();
    }
    // What is relayed cannot end the client's head early.
    if (whole.fields.find("\r\n\r\n") != std::string::npos || whole.fields.starts_with("\r\n")) {
        std::abort();
    }
    return 0;
}
