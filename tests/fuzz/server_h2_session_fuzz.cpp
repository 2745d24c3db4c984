// A client may send anything: what reaches the streams are requests of one meaning and bodies
// within their windows; what goes out are whole frames; and after a fault nothing is taken.
// The first byte chooses how the rest is cut, and whether a good opening is put in front of it.
#include "server/h2/session.hpp"
#include "tests/server/h2/frames.hpp"
#include "tests/server/h2/recorder.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace tollgate::server;
using h2::tests::RecordedStream;
namespace wire = tollgate::server::tests::h2;

constexpr h2::SessionLimits kLimits{.head = {.list_bytes = 2048, .fields = 16},
                                    .max_streams = 5,
                                    .header_table = 512,
                                    .stream_window = 70'000,
                                    .connection_window = 100'000};

constexpr std::size_t kFrame = 16384;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

bool is_clean(std::string_view text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

void check_head(const RecordedStream& stream) {
    if (stream.verdict.state == h2::HeadVerdict::State::refused) {
        require(stream.verdict.status >= 400 && stream.verdict.status < 500);
        return;
    }
    require(stream.verdict.state == h2::HeadVerdict::State::accepted);
    const RequestHead& head = stream.head.head;
    require(!head.method.empty() && is_clean(head.method) && !head.host.empty());
    require(head.target.starts_with('/') || (head.target == "*" && head.method == "OPTIONS"));
    require(is_clean(head.target) && is_clean(head.host) && head.fields.size() <= 16);
    for (const Field& field : head.fields) {
        require(!field.name.empty() && is_clean(field.name) && is_clean(field.value));
        require(field.name != "connection" && field.name != "transfer-encoding");
    }
}

class Client {
public:
    explicit Client(std::uint8_t choice) : choice_(choice), session_(kLimits, events_) {}

    void feed(std::string_view bytes) {
        const std::size_t before = events_.arrived.size();
        const bool faulty = static_cast<bool>(session_.fault());
        session_.feed(bytes, now_);
        now_ += std::chrono::milliseconds(1);
        require(!faulty || events_.arrived.size() == before);
        require(events_.attacks.size() < 100'000);
        check_streams();
        if ((choice_ & 0x40) != 0) {
            answer();
        }
        take(h2::tests::drain(session_));
        static_cast<void>(session_.is_owed());
    }

    void finish() {
        answer();
        take(h2::tests::drain(session_));
        session_.end();
        take(h2::tests::drain(session_));
        const std::vector<wire::ParsedFrame> frames = wire::parse(sent_);
        std::size_t bytes = 0;
        for (const wire::ParsedFrame& frame : frames) {
            require(frame.payload.size() <= kFrame);
            bytes += 9 + frame.payload.size();
        }
        require(bytes == sent_.size());
        require(frames.empty() || (frames[0].type == wire::kSettings && frames[0].flags == 0));
    }

private:
    void check_streams() {
        std::size_t open = 0;
        std::size_t held = 0;
        for (const std::int32_t id : events_.arrived) {
            const RecordedStream& stream = *events_.streams.at(id);
            check_head(stream);
            open += stream.closed ? 0 : 1;
            held += stream.closed ? 0 : stream.body.size();
            // A frame that goes beyond its window is handed on, and is the last.
            require(stream.body.size() <= kLimits.stream_window + kFrame);
            const auto length = stream.head.content_length;
            require(!stream.ended || !length || *length == stream.body.size());
        }
        require(open <= kLimits.max_streams);
        require(held <= static_cast<std::size_t>(kLimits.connection_window) + kFrame);
    }

    // Each stream has its own way to be answered.
    void answer() {
        for (const std::int32_t id : events_.arrived) {
            RecordedStream& stream = *events_.streams.at(id);
            if (stream.closed || stream.last || stream.broken) {
                continue;
            }
            const int way = (id / 2 + choice_) % 6;
            if (way == 0) {
                session_.reset(id, h2::ErrorCode::internal_error);
                stream.broken = true;
                continue;
            }
            stream.answer = std::string(static_cast<std::size_t>(way) * 9000, 'x');
            stream.last = way != 2;
            stream.broken = way == 2;
            session_.submit_head(id, "200a: b\r\n", true);
            if (way == 3) {  // its coroutine has gone; nothing may be told to it
                session_.detach(id);
                stream.closed = true;
            }
        }
    }

    void take(const std::string& bytes) {
        if (sent_.size() < 4'000'000) {
            sent_ += bytes;
        } else {
            std::abort();  // no input is worth so much output
        }
    }

    std::uint8_t choice_;
    h2::tests::Recorder events_;
    h2::Session session_;
    h2::Session::Time now_{std::chrono::hours(1)};
    std::string sent_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const std::uint8_t choice = data[0];
    std::string bytes;
    if ((choice & 0x80) == 0) {
        bytes = std::string(wire::kPreface) + wire::settings() + wire::acknowledge();
    }
    bytes.append(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::size_t step = (choice & 0x0f) == 0 ? bytes.size() : (choice & 0x0f) * 5U;
    Client client(choice);
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        client.feed(std::string_view(bytes).substr(at, step));
    }
    client.finish();
    return 0;
}
