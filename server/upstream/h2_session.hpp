// One HTTP/2 connection to an origin and the streams on it, on nghttp2.  It has no coroutine: it
// reads when the socket is readable, and what is to be written goes out once per batch of events.
#pragma once

#include "server/io/channel.hpp"
#include "server/io/poller.hpp"
#include "server/io/reactor.hpp"
#include "server/upstream/h2_stream.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct nghttp2_session;

namespace tollgate::server::upstream {

class H2Session;
class Pool;
struct Origin;

/// What a session needs of its surroundings; all of it outlives the session.
struct H2Wiring {
    Reactor& reactor;
    Pool& pool;
    Origin& origin;
    std::span<char> scratch;  ///< to read into; used up before anybody else runs
};

/// Streams are opened and cancelled by coroutines; everything that may end the connection happens
/// in calls from the event loop only, so no coroutine loses it under its feet.
class H2Session final : private ReadWatcher,
                        private WriteWatcher,
                        private Poller::BatchEnd,
                        private Deadline {
public:
    /// The preface goes out with the first request.
    H2Session(const H2Wiring& wiring, Channel channel);
    ~H2Session() override;

    /// A further stream may be opened: the vendor allows it, and the connection is not suspect.
    [[nodiscard]] bool has_place() const noexcept { return free_places() > 0; }
    [[nodiscard]] std::size_t free_places() const noexcept;
    /// The vendor's SETTINGS have come, so it is known how many streams it takes.
    [[nodiscard]] bool is_settled() const noexcept { return settled_; }
    [[nodiscard]] bool is_busy() const noexcept { return reserved_ + streams_.size() > 0; }
    [[nodiscard]] bool is_dead() const noexcept { return dead_; }
    [[nodiscard]] Clock::time_point idle_since() const noexcept { return idle_since_; }
    /// Tells the vendor, as far as that can be done at once, and closes; not while it is busy.
    void close_idle();

private:
    friend class H2Place;
    friend class H2Stream;
    friend class Pool;
    struct Callbacks;

    void reserve() noexcept;
    void unreserve() noexcept;
    void open(H2Stream& stream, const adapters::UpstreamRequest& request);
    void cancel(H2Stream& stream) noexcept;
    void consumed(H2Stream& stream, std::size_t bytes) noexcept;

    void on_readable() override;
    void on_writable() override;
    void batch_ended() override;
    void expired() override;

    // Goes on reading after the others have had a turn.
    class Again final : public Deadline {
    public:
        Again(Reactor& reactor, H2Session& session) : Deadline(reactor), session_(session) {}

    private:
        void expired() override { session_.on_readable(); }
        H2Session& session_;
    };

    void read_some();
    [[nodiscard]] bool feed(std::size_t size);
    void write_some();
    void fill();
    [[nodiscard]] int submit(H2Stream& stream, const adapters::UpstreamRequest& request);
    void detach(H2Stream& stream) noexcept;
    void list(H2Stream& stream);
    void unlist(H2Stream& stream) noexcept;
    void wake_listed();
    void on_settings();
    void on_stream_closed(H2Stream& stream, std::uint32_t code);
    void die(FailureKind kind, const std::string& reason);
    void settle();
    void ask_for_turn() { reactor_.poller().at_batch_end(*this); }

    Reactor& reactor_;
    Pool& pool_;
    Origin& origin_;
    std::span<char> scratch_;
    Channel channel_;
    nghttp2_session* session_ = nullptr;
    std::string out_;  // serialised and not yet taken by the kernel
    std::size_t sent_ = 0;
    std::vector<H2Stream*> streams_;
    std::vector<H2Stream*> listed_;
    std::string complaint_;  // what nghttp2 said last
    std::size_t reserved_ = 0;
    std::size_t most_streams_ = 1;
    std::uint64_t heard_ = 0;  // reads that gave something
    std::uint64_t heard_before_ = 0;
    Clock::time_point idle_since_{};
    bool watched_ = false;
    bool settled_ = false;
    bool blocked_ = false;  // the kernel takes no more
    bool pinged_ = false;   // a PING is out and nothing has come since
    bool leaving_ = false;  // GOAWAY: no further streams
    bool dead_ = false;
    bool served_ = false;  // somebody has had an answer
    bool freed_ = false;   // somebody who waits may have a place now
    bool counted_active_ = true;
    Again again_;
};

}  // namespace tollgate::server::upstream
