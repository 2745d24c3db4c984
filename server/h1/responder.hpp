// Answers over HTTP/1.1: head, framing, gather writes.
#pragma once

#include "metrics/shard.hpp"
#include "server/exchange.hpp"
#include "server/io/channel.hpp"
#include "server/io/reactor.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace tollgate::server::h1 {

/// Lives as long as its connection; reset() makes it ready for the next exchange.
class Responder final : public server::Responder {
public:
    /// What the responder works with; all of it outlives it.
    struct Wiring {
        Channel& channel;
        Interrupt& interrupt;
        InterruptDeadline& deadline;
        metrics::Shard& shard;
        const bool& draining;  ///< true: this answer is the connection's last
        const bool&
            body_done;  ///< false: so it is, since the rest of the request's body will not be read
        Clock::duration write_timeout;  ///< how long a client may take no bytes
    };
    explicit Responder(const Wiring& wiring) : wiring_(wiring) {}

    struct Message {
        bool head_only = false;  ///< answer to HEAD: the head speaks, no body follows
        bool version_10 = false;
        bool keep_alive = true;
    };
    void reset(const Message& message) noexcept;

    void start(ResponseHead head) override;
    [[nodiscard]] bool write(std::span<const std::string_view> pieces, bool last) override;
    [[nodiscard]] bool congested() const noexcept override { return queue_.queued() > 0; }
    [[nodiscard]] Task<bool> drain() override;
    void abort() noexcept override { aborted_ = true; }
    [[nodiscard]] bool started() const noexcept override { return started_; }

    /// Sends an interim answer such as 100 Continue.
    [[nodiscard]] bool interim(std::string_view bytes);
    [[nodiscard]] bool finished() const noexcept { return finished_; }
    [[nodiscard]] bool aborted() const noexcept { return aborted_; }
    [[nodiscard]] bool keep_alive() const noexcept { return message_.keep_alive; }

private:
    enum class Framing : std::uint8_t { length, chunked, until_close };
    Wiring wiring_;
    WriteQueue queue_;
    std::string head_;
    Message message_;
    Framing framing_ = Framing::length;
    bool started_ = false;
    bool finished_ = false;
    bool aborted_ = false;
};

/// "200 OK" for a status code; unknown codes get an empty reason.
[[nodiscard]] std::string_view status_line(std::uint16_t status) noexcept;

}  // namespace tollgate::server::h1
