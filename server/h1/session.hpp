// One HTTP/1.1 client connection: reads requests one after another and has each dispatched.
#pragma once

#include "server/client_connection.hpp"
#include "server/exchange.hpp"
#include "server/h1/chunked.hpp"
#include "server/h1/guard.hpp"
#include "server/h1/responder.hpp"
#include "server/io/channel.hpp"
#include "server/io/reactor.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tollgate::server::h1 {

/// The limits of one connection; copied from the configuration that was current when it was
/// accepted.
struct SessionLimits {
    GuardLimits guard;
    std::size_t pipeline_bytes = 16 * 1024;
    Clock::duration header_timeout = std::chrono::seconds(10);
    Clock::duration body_timeout = std::chrono::seconds(60);
    Clock::duration idle_timeout = std::chrono::seconds(75);
    Clock::duration write_timeout = std::chrono::seconds(60);
    bool http2 = false;  ///< a client may turn to HTTP/2
};

/// A connection that turns to HTTP/2.
struct Handover {
    Channel channel;
    std::string received;          ///< read and not used
    std::string upgrade_head;      ///< of the request with `Upgrade: h2c`; empty: by preface
    std::string upgrade_settings;  ///< its HTTP2-Settings, decoded
};

class Session final : public ClientConnection, private ReadWatcher, private BodySource {
public:
    Session(Worker& worker, Channel channel, ClientPeer peer, const SessionLimits& limits);
    ~Session();

    /// Serves until either side has had enough.  Never throws for what a client can do.
    [[nodiscard]] Task<void> run();

    /// Before run(): answer this and nothing else.
    void refuse_at_once(Failure failure) { refusal_ = std::move(failure); }
    /// After run(): not null when the client speaks HTTP/2 from here on.
    [[nodiscard]] std::unique_ptr<Handover> handover() noexcept { return std::move(handover_); }

    void drain() noexcept override;
    void cut() noexcept override { interrupt_.fire(Cause::shutdown); }

private:
    [[nodiscard]] Task<bool> next_request();
    [[nodiscard]] bool accept_head(std::string_view received);
    [[nodiscard]] bool is_preface(std::string_view received);
    [[nodiscard]] bool wants_upgrade();
    void begin(const GuardVerdict& verdict);
    [[nodiscard]] Exchange make_exchange() noexcept;
    [[nodiscard]] Task<void> refuse(const Failure& failure);
    [[nodiscard]] Task<bool> settle();

    [[nodiscard]] bool take_at_once(BodyBuffer& out) override;
    [[nodiscard]] Task<Result<void>> read_all(BodyBuffer& out, std::uint64_t limit) override;
    [[nodiscard]] Task<Result<void>> read_sized(BodyBuffer& out);
    [[nodiscard]] Task<Result<void>> read_chunked(BodyBuffer& out, std::uint64_t limit);
    [[nodiscard]] Task<Result<std::size_t>> read_body(char* data, std::size_t size);
    [[nodiscard]] Clock::time_point body_deadline(Clock::time_point now) noexcept;
    void on_readable() override;

    Worker& worker_;
    Channel channel_;
    ClientPeer peer_;
    SessionLimits limits_;
    Interrupt interrupt_;
    InterruptDeadline deadline_;
    Responder responder_;
    std::string input_;       // received, not yet consumed
    std::string head_bytes_;  // the current request's head; head_ views it
    RequestHead head_;
    BodyBuffer early_body_;           // the whole body, where it came with the head
    std::optional<Failure> refusal_;  // of what is not a request
    Framing framing_ = Framing::none;
    std::uint64_t body_left_ = 0;
    ChunkedDecoder chunks_;
    std::uint64_t body_received_ = 0;  // of the current body, as framed, behind the head
    Clock::time_point body_began_{};   // when it was first waited for
    bool body_done_ = true;
    bool expect_continue_ = false;
    bool idle_ = true;
    bool fresh_ = true;         // nothing but HTTP/2's preface could have come yet
    bool may_upgrade_ = false;  // the current head has an Upgrade field
    std::unique_ptr<Handover> handover_;
};

}  // namespace tollgate::server::h1
