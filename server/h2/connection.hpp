// One HTTP/2 client connection: its socket, its streams, its clocks.
#pragma once

#include "server/client_connection.hpp"
#include "server/h2/session.hpp"
#include "server/h2/stream.hpp"
#include "server/io/channel.hpp"
#include "server/io/reactor.hpp"
#include "server/io/task_group.hpp"

#include <array>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tollgate::server {
class Worker;
}

namespace tollgate::server::h2 {

/// Copied from the configuration that was current when the connection was accepted.
struct ConnectionLimits {
    SessionLimits session;
    Clock::duration header_timeout = std::chrono::seconds(10);
    Clock::duration body_timeout = std::chrono::seconds(60);
    Clock::duration idle_timeout = std::chrono::seconds(75);
    Clock::duration write_timeout = std::chrono::seconds(60);
    Clock::duration ping_interval = std::chrono::seconds(30);  ///< zero: never
    Clock::duration ping_timeout = std::chrono::seconds(10);
    Clock::duration max_age = std::chrono::hours(1);  ///< zero: for ever
};

/// How old a connection gets: `most`, or up to a tenth less, so that those that came together do
/// not go together.
[[nodiscard]] Clock::duration own_age(Clock::duration most, std::uint64_t random) noexcept;

/// How the connection came to speak HTTP/2.
struct Opening {
    std::string received;  ///< bytes of it that were read while that was not known
    /// Of an `Upgrade: h2c`; then the answer 101 is sent first.
    struct Upgrade {
        std::string head;      ///< the HTTP/1.1 request head, accepted by the guard
        std::string settings;  ///< HTTP2-Settings, decoded
    };
    std::unique_ptr<Upgrade> upgrade;
};

class Connection final : public ClientConnection, private SessionEvents {
public:
    Connection(Worker& worker, Channel channel, ClientPeer peer, const ConnectionLimits& limits);
    ~Connection();

    /// Serves until either side has had enough.  Never throws for what a client can do.
    [[nodiscard]] Task<void> run(Opening opening);

    /// Asks the client to go elsewhere, and ends when the last stream has.
    void drain() noexcept override;
    void cut() noexcept override;

    // ---- for its streams ----
    [[nodiscard]] Worker& worker() noexcept { return worker_; }
    [[nodiscard]] Session& session() noexcept { return session_; }
    [[nodiscard]] const ClientPeer& peer() const noexcept { return peer_; }
    [[nodiscard]] const ConnectionLimits& limits() const noexcept { return limits_; }
    /// There may be something to send: it goes when everything that is ready has had its turn, so
    /// that the frames of many streams share a write.
    void want_write() noexcept;
    /// The stream has news for its coroutine, which gets them when the session has returned.
    void touch(Stream& stream) noexcept;
    void leave(Stream& stream) noexcept;
    /// Buffers for what streams have to send: few have something at the same time.
    [[nodiscard]] std::string take_buffer() noexcept;
    void keep_buffer(std::string&& buffer) noexcept;
    void count_attack(metrics::Attack kind) noexcept;

private:
    /// Calls a member function when its time has come.
    class Alarm final : public Deadline {
    public:
        Alarm(Reactor& reactor, Connection& connection, void (Connection::*act)())
            : Deadline(reactor), connection_(connection), act_(act) {}

    private:
        void expired() override { (connection_.*act_)(); }
        Connection& connection_;
        void (Connection::*act_)();
    };
    /// Suspends the writer until want_write().
    struct WorkAwaiter {
        Connection& connection;
        [[nodiscard]] bool await_ready() const noexcept;
        void await_suspend(std::coroutine_handle<> handle) const noexcept {
            connection.writer_ = handle;
        }
        void await_resume() const noexcept {}
    };

    [[nodiscard]] bool open(Opening& opening);
    [[nodiscard]] bool is_over() const noexcept;  ///< nothing is to be read any more
    [[nodiscard]] Task<void> read_loop();
    [[nodiscard]] Task<void> write_loop();
    [[nodiscard]] Task<bool> send_queued();
    void take(std::string_view bytes);
    void serve_news();
    void lose() noexcept;
    void end_soon() noexcept;

    void on_watch();
    void on_age();
    void on_cut_over();
    void watch_until(Clock::time_point when);

    [[nodiscard]] StreamPort* on_request(std::int32_t id, IncomingHead&& head,
                                         const HeadVerdict& verdict, bool ended) override;
    void on_ping_answered() noexcept override { ping_sent_ = {}; }
    void on_attack(metrics::Attack kind) noexcept override { count_attack(kind); }
    [[nodiscard]] Stream& add_stream(std::int32_t id, IncomingHead&& head, bool ended);

    Worker& worker_;
    Channel channel_;
    ClientPeer peer_;
    ConnectionLimits limits_;
    Session session_;
    WriteQueue queue_;
    Interrupt read_interrupt_;
    Interrupt write_interrupt_;
    InterruptDeadline write_deadline_;
    Alarm watch_;   // silence: idle, owed frames, PING
    Alarm age_;     // max_age, then the second GOAWAY
    Alarm cutoff_;  // after cut()
    std::coroutine_handle<> writer_;
    std::array<std::string, 8> spare_buffers_;
    std::size_t spares_ = 0;
    std::vector<Stream*> streams_;
    std::vector<std::unique_ptr<Stream>> arrived_;  // not started yet
    std::vector<Stream*> touched_;
    TaskGroup stream_tasks_;
    TaskGroup writer_task_;
    Clock::time_point last_read_{};
    Clock::time_point idle_since_{};
    Clock::time_point owed_since_{};
    Clock::time_point ping_sent_{};
    std::uint64_t owed_frame_ = 0;
    bool has_work_ = false;  // the writer should look
    bool stop_writing_ = false;
    bool lost_ = false;
    bool ending_ = false;  // GOAWAY was announced
};

}  // namespace tollgate::server::h2
