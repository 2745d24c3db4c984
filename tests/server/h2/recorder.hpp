// The other side of a Session: takes notes of what it reports, and has answers to give.  Also for
// the fuzz target, so without Catch2.
#pragma once

#include "server/h2/session.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tollgate::server::h2::tests {

class RecordedStream final : public StreamPort {
public:
    void on_body(std::string_view bytes) override { body.append(bytes); }
    void on_request_end() override { ended = true; }
    void on_answer_sent() noexcept override { answer_sent = true; }
    void on_close(ErrorCode code) noexcept override {
        closed = true;
        close_code = code;
    }
    [[nodiscard]] Outgoing outgoing() noexcept override {
        return {.bytes = answer.size(), .last = last, .broken = broken};
    }
    void take(char* to, std::size_t size) noexcept override {
        answer.copy(to, size);
        answer.erase(0, size);
    }

    IncomingHead head;
    HeadVerdict verdict;
    std::string body;
    bool ended = false;
    bool answer_sent = false;
    bool closed = false;
    ErrorCode close_code = ErrorCode::no_error;
    // what it has to send
    std::string answer;
    bool last = false;
    bool broken = false;
};

class Recorder final : public SessionEvents {
public:
    [[nodiscard]] StreamPort* on_request(std::int32_t id, IncomingHead&& head,
                                         const HeadVerdict& verdict, bool ended) override {
        auto stream = std::make_unique<RecordedStream>();
        stream->head = std::move(head);
        stream->verdict = verdict;
        stream->ended = ended;
        arrived.push_back(id);
        return (streams[id] = std::move(stream)).get();
    }
    void on_ping_answered() noexcept override { ++pings; }
    void on_attack(metrics::Attack kind) noexcept override { attacks.push_back(kind); }

    std::map<std::int32_t, std::unique_ptr<RecordedStream>> streams;
    std::vector<std::int32_t> arrived;
    std::vector<metrics::Attack> attacks;
    unsigned pings = 0;
};

/// Everything that the session has to send now.
inline std::string drain(Session& session) {
    std::string buffer(64 * 1024, '\0');
    std::string all;
    for (;;) {
        const std::size_t size = session.fill(buffer);
        if (size == 0) {
            return all;
        }
        all.append(buffer, 0, size);
    }
}

}  // namespace tollgate::server::h2::tests
