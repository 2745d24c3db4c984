#include "server/h2/connection.hpp"

#include "server/h1/head_parser.hpp"
#include "server/io/give_back.hpp"
#include "server/linger.hpp"
#include "server/worker.hpp"

#include <algorithm>

namespace tollgate::server::h2 {
namespace {

constexpr std::string_view kSwitching =
    "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: h2c\r\n\r\n";
// Between the GOAWAY that only announces and the one that refuses: a round trip, so that requests
// on their way are served (RFC 9113 section 6.8).
constexpr std::chrono::milliseconds kNotice{250};
// For the last frames after the grace time is over.
constexpr std::chrono::seconds kCutPatience{1};
// Reads and writes that need no waiting, before the other connections have their turn.
constexpr unsigned kInARow = 16;
// A stream's buffer that held more is not kept for the next.
constexpr std::size_t kKeptBuffer = 4 * 1024;

}  // namespace

Clock::duration own_age(Clock::duration most, std::uint64_t random) noexcept {
    const auto tenth = static_cast<std::uint64_t>((most / 10).count()) + 1;
    return most - Clock::duration(static_cast<Clock::rep>(random % tenth));
}

Connection::Connection(Worker& worker, Channel channel, ClientPeer peer,
                       const ConnectionLimits& limits)
    : worker_(worker),
      channel_(std::move(channel)),
      peer_(std::move(peer)),
      limits_(limits),
      session_(limits.session, *this),
      read_interrupt_(worker.reactor()),
      write_interrupt_(worker.reactor()),
      write_deadline_(worker.reactor(), write_interrupt_),
      watch_(worker.reactor(), *this, &Connection::on_watch),
      age_(worker.reactor(), *this, &Connection::on_age),
      cutoff_(worker.reactor(), *this, &Connection::on_cut_over),
      stream_tasks_(worker.reactor(),
                    [&worker](std::string_view what) { worker.report_bug(what); }),
      writer_task_(worker.reactor(),
                   [&worker](std::string_view what) { worker.report_bug(what); }) {
    worker_.enter(*this);
    worker_.shard().add_client_connections(metrics::ClientProtocol::http2, +1);
}

Connection::~Connection() {
    worker_.shard().add_client_connections(metrics::ClientProtocol::http2, -1);
    worker_.leave(*this);
}

Task<void> Connection::run(Opening opening) {
    last_read_ = idle_since_ = owed_since_ = Reactor::now();
    if (limits_.max_age > Clock::duration::zero()) {
        age_.set(last_read_ + own_age(limits_.max_age, worker_.random()));
    }
    if (open(opening)) {
        watch_until(last_read_ + std::min(limits_.header_timeout, limits_.idle_timeout));
        writer_task_.spawn(write_loop());
        if (!opening.received.empty()) {
            take(opening.received);
            give_back(opening.received);
        }
        serve_news();
        want_write();
        co_await read_loop();
        if (lost_ || session_.fault()) {
            for (Stream* const stream : streams_) {
                stream->lose();
            }
            serve_news();
        }
        Interrupt never(worker_.reactor());
        co_await stream_tasks_.wait_empty(never);
        stop_writing_ = true;
        want_write();
        co_await writer_task_.wait_empty(never);
        co_await worker_.reactor().yield();  // the last tasks' frames go before what they refer to
        if (!lost_) {                        // a GOAWAY should arrive
            read_interrupt_.reset();
            InterruptDeadline patience(worker_.reactor(), read_interrupt_);
            co_await linger(worker_, channel_, read_interrupt_, patience);
        }
    }
    channel_.close();
}

bool Connection::open(Opening& opening) {
    if (!opening.upgrade) {
        return true;
    }
    const iovec switching = piece(kSwitching);
    IncomingHead head;
    const std::string& text = opening.upgrade->head;
    head.bytes = std::make_unique_for_overwrite<char[]>(text.size());
    std::copy(text.begin(), text.end(), head.bytes.get());
    if (!h1::parse_head({head.bytes.get(), text.size()}, head.head) ||
        !queue_.write(channel_, std::span(&switching, 1))) {
        return false;
    }
    head.head_only = head.head.method == "HEAD";
    const bool head_only = head.head_only;
    Stream& stream = add_stream(1, std::move(head), true);
    if (!session_.upgrade(opening.upgrade->settings, head_only, stream)) {
        arrived_.clear();
        return false;
    }
    return true;
}

bool Connection::is_over() const noexcept {
    return lost_ || session_.fault() || session_.is_finished();
}

// Ends when nothing more is to be read: the client has closed or is lost, or the session is over.
Task<void> Connection::read_loop() {
    for (unsigned in_a_row = 1; !is_over(); ++in_a_row) {
        if (in_a_row % kInARow == 0) {
            co_await worker_.reactor().yield();
        }
        const std::span<char> scratch = worker_.scratch();
        const IoResult result = channel_.read(scratch.data(), scratch.size());
        if (result.status == IoStatus::ok) {
            take({scratch.data(), result.bytes});
            serve_news();
            if (channel_.socket().may_read() || is_over()) {
                continue;  // else a read would only say that there is nothing
            }
        }
        if (result.status == IoStatus::closed || result.status == IoStatus::failed) {
            lose();
            break;
        }
        in_a_row = 0;
        const IoStatus wanted = result.status == IoStatus::ok ? IoStatus::want_read : result.status;
        const Wake wake = co_await channel_.wait(wanted, read_interrupt_);
        if (wake == Wake::interrupted) {
            read_interrupt_.reset();  // the loop's condition says why
        }
    }
}

void Connection::take(std::string_view bytes) {
    last_read_ = Reactor::now();
    session_.feed(bytes, last_read_);
    if (!session_.is_owed()) {
        owed_since_ = {};
    } else if (owed_since_ == Clock::time_point{} || owed_frame_ != session_.frames()) {
        owed_since_ = last_read_;
        owed_frame_ = session_.frames();
        watch_until(last_read_ + limits_.header_timeout);
    }
    if (session_.wants_write()) {
        want_write();
    }
}

// What the session has recorded reaches the streams' coroutines, here and nowhere deeper.
void Connection::serve_news() {
    std::vector<std::unique_ptr<Stream>> arrived;
    while (!arrived_.empty()) {
        arrived.clear();
        arrived.swap(arrived_);
        for (std::unique_ptr<Stream>& stream : arrived) {
            if (!stream->is_closed()) {  // else it was reset in the same breath
                stream_tasks_.spawn_object(std::move(stream));
            }
        }
    }
    if (arrived.capacity() != 0) {
        arrived.clear();
        arrived_.swap(arrived);  // its room serves the next ones
    }
    while (!touched_.empty()) {
        Stream& stream = *touched_.back();
        touched_.pop_back();
        stream.is_touched = false;
        stream.wake();
    }
}

bool Connection::WorkAwaiter::await_ready() const noexcept {
    return connection.has_work_ || connection.stop_writing_;
}

void Connection::want_write() noexcept {
    has_work_ = true;
    if (writer_) {
        worker_.reactor().post(std::exchange(writer_, nullptr));
    }
}

Task<void> Connection::write_loop() {
    for (unsigned in_a_row = 1; !lost_; ++in_a_row) {
        has_work_ = false;
        // The read buffer is free whenever a coroutine starts from the loop, and this one does.
        const std::span<char> scratch = worker_.scratch();
        const std::size_t size = session_.fill(scratch);
        if (size > 0) {
            const iovec batch = piece({scratch.data(), size});
            if (!queue_.write(channel_, std::span(&batch, 1))) {
                lose();
                break;
            }
        }
        if (queue_.queued() > 0) {
            const bool sent = co_await send_queued();
            if (!sent) {
                lose();
                break;
            }
        }
        serve_news();
        if (session_.fault() || session_.is_finished()) {
            read_interrupt_.fire(Cause::elapsed);  // it has nothing to wait for any more
        }
        if (size > 0) {
            if (in_a_row % kInARow == 0) {
                co_await worker_.reactor().yield();
            }
            continue;
        }
        if (stop_writing_) {
            break;
        }
        WorkAwaiter work{*this};
        co_await work;
        in_a_row = 0;
    }
}

// False: the client is gone, or takes no bytes.
Task<bool> Connection::send_queued() {
    while (queue_.queued() > 0) {
        write_deadline_.arm(Cause::write_timeout, Reactor::now() + limits_.write_timeout);
        const bool moved = co_await queue_.drain_some(channel_, write_interrupt_);
        write_deadline_.clear();
        if (!moved) {
            if (write_interrupt_.cause() == Cause::write_timeout) {
                count_attack(metrics::Attack::slow_reader);
            }
            co_return false;
        }
    }
    co_return true;
}

// Nothing can be said or heard any more.
void Connection::lose() noexcept {
    if (lost_) {
        return;
    }
    lost_ = true;
    for (Stream* const stream : streams_) {
        stream->lose();
    }
    read_interrupt_.fire(Cause::client_gone);
    write_interrupt_.fire(Cause::client_gone);
    want_write();
}

// ---- streams ----

Stream& Connection::add_stream(std::int32_t id, IncomingHead&& head, bool ended) {
    auto stream = std::make_unique<Stream>(*this, id, std::move(head), ended);
    stream->place = streams_.size();
    streams_.push_back(stream.get());
    worker_.note_load(+1);
    if (streams_.size() == 1 && limits_.ping_interval > Clock::duration::zero()) {
        watch_until(Reactor::now() + limits_.ping_interval);
    }
    if (touched_.capacity() < streams_.size()) {
        touched_.reserve(2 * streams_.size());  // touch() must not throw
    }
    arrived_.push_back(std::move(stream));
    return *arrived_.back();
}

StreamPort* Connection::on_request(std::int32_t id, IncomingHead&& head, const HeadVerdict& verdict,
                                   bool ended) {
    Stream& stream = add_stream(id, std::move(head), ended);
    if (verdict.state == HeadVerdict::State::refused) {
        stream.refuse(verdict);
        if (verdict.status == 431) {
            count_attack(metrics::Attack::header_too_large);
        }
    }
    return &stream;
}

std::string Connection::take_buffer() noexcept {
    return spares_ == 0 ? std::string() : std::move(spare_buffers_[--spares_]);
}

void Connection::keep_buffer(std::string&& buffer) noexcept {
    if (spares_ < spare_buffers_.size() && buffer.capacity() <= kKeptBuffer) {
        buffer.clear();
        spare_buffers_[spares_++] = std::move(buffer);
    }
}

void Connection::touch(Stream& stream) noexcept {
    if (!stream.is_touched) {
        stream.is_touched = true;
        touched_.push_back(&stream);
    }
}

void Connection::leave(Stream& stream) noexcept {
    if (stream.is_touched) {
        std::erase(touched_, &stream);
    }
    worker_.note_load(-1);
    streams_[stream.place] = streams_.back();
    streams_[stream.place]->place = stream.place;
    streams_.pop_back();
    if (streams_.empty()) {
        idle_since_ = Reactor::now();
        watch_until(idle_since_ + limits_.idle_timeout);
        if (session_.wants_write() || session_.is_finished()) {
            want_write();
        }
    }
}

void Connection::count_attack(metrics::Attack kind) noexcept {
    worker_.shard().add_attack(kind);
}

// ---- clocks ----

void Connection::watch_until(Clock::time_point when) {
    if (when < watch_.when()) {
        watch_.set(when);
    }
}

void Connection::on_watch() {
    const Clock::time_point now = Reactor::now();
    Clock::time_point next = Clock::time_point::max();
    const auto is_due = [&](Clock::time_point when) {
        next = when > now ? std::min(next, when) : next;
        return when <= now;
    };
    if (owed_since_ != Clock::time_point{} && is_due(owed_since_ + limits_.header_timeout)) {
        session_.terminate({.code = ErrorCode::enhance_your_calm,
                            .kind = metrics::Attack::slow_header,
                            .reason = "a frame did not arrive in time"});
        want_write();
        return;
    }
    if (streams_.empty()) {
        if (is_due(idle_since_ + limits_.idle_timeout)) {
            session_.end();
            want_write();
            return;
        }
    } else if (limits_.ping_interval > Clock::duration::zero()) {
        if (ping_sent_ != Clock::time_point{}) {
            if (is_due(ping_sent_ + limits_.ping_timeout)) {
                count_attack(metrics::Attack::dead_peer);
                lose();
                return;
            }
        } else if (is_due(last_read_ + limits_.ping_interval)) {
            ping_sent_ = now;
            session_.ping();
            want_write();
            static_cast<void>(is_due(now + limits_.ping_timeout));
        }
    }
    if (next != Clock::time_point::max()) {
        watch_.set(next);
    }
}

void Connection::on_age() {
    if (ending_) {
        session_.end();
        want_write();
    } else {
        end_soon();
    }
}

void Connection::end_soon() noexcept {
    if (!ending_) {
        ending_ = true;
        session_.announce_end();
        want_write();
        age_.set(Reactor::now() + kNotice);
    }
}

void Connection::drain() noexcept {
    end_soon();
}

void Connection::cut() noexcept {
    session_.end();
    for (Stream* const stream : streams_) {
        stream->cut();
    }
    want_write();
    cutoff_.set(Reactor::now() + kCutPatience);
}

void Connection::on_cut_over() {
    lose();
}

}  // namespace tollgate::server::h2
