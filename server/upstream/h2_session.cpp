#include "server/upstream/h2_session.hpp"

#include "server/io/give_back.hpp"
#include "server/upstream/pool.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <new>

namespace tollgate::server::upstream {
namespace {

// What a vendor may send of one answer before the client has taken it: this much memory a stream.
constexpr std::int32_t kStreamWindow = 256 * 1024;
// The connection's window is given back as bytes come: what one slow client has not taken must not
// hold up the streams beside it.  So it bounds nothing, and has to be large enough for the line.
constexpr std::int32_t kConnectionWindow = 16 * 1024 * 1024;
// Our own bound: it is also how much is lost when one connection is.
constexpr std::size_t kMostStreams = 128;
constexpr std::size_t kMostHead = 256 * 1024;  // as over HTTP/1.1
constexpr std::size_t kFieldOverhead = 32;     // RFC 9113 section 6.5.2
constexpr std::size_t kWriteAtOnce = 64 * 1024;
constexpr std::size_t kKeptBuffer = 16 * 1024;
constexpr int kReadsInARow = 16;

std::string_view view(const std::uint8_t* data, std::size_t size) noexcept {
    return {reinterpret_cast<const char*>(data), size};
}

std::string lower(std::string_view text) {
    std::string result(text);
    for (char& c : result) {
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    return result;
}

// RFC 9113 section 8.2.2 forbids the connection's fields; Host becomes :authority.
bool belongs_to_the_hop(std::string_view name) noexcept {
    return name == "connection" || name == "keep-alive" || name == "proxy-connection" ||
           name == "transfer-encoding" || name == "upgrade" || name == "te" || name == "host" ||
           name == "content-length";
}

}  // namespace

// nghttp2 calls these from within mem_recv and mem_send: they only take notes.
struct H2Session::Callbacks {
    static H2Session& self(void* user) noexcept { return *static_cast<H2Session*>(user); }
    static H2Stream* stream(nghttp2_session* session, std::int32_t id) noexcept {
        return static_cast<H2Stream*>(nghttp2_session_get_stream_user_data(session, id));
    }

    static int header(nghttp2_session* session, const nghttp2_frame* frame,
                      const std::uint8_t* name, std::size_t name_size, const std::uint8_t* value,
                      std::size_t value_size, std::uint8_t /*flags*/, void* /*user*/) {
        H2Stream* const s = stream(session, frame->hd.stream_id);
        if (s == nullptr || s->head_done_) {
            return 0;  // of nobody, or trailers
        }
        s->head_bytes_ += name_size + value_size + kFieldOverhead;
        if (s->head_bytes_ > kMostHead) {
            s->fail(FailureKind::protocol_error, "the answer's head is larger than 256 KiB",
                    H2Stream::Fate::unknown);
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        }
        if (!s->field(view(name, name_size), view(value, value_size))) {
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        }
        return 0;
    }

    // Fields with forbidden characters: nghttp2 would leave them out, the RFC calls the whole
    // message malformed (section 8.2.1).
    static int invalid_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t*,
                              std::size_t, const std::uint8_t*, std::size_t, std::uint8_t, void*) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }

    static int data(nghttp2_session* session, std::uint8_t /*flags*/, std::int32_t id,
                    const std::uint8_t* bytes, std::size_t size, void* user) {
        nghttp2_session_consume_connection(session, size);
        if (H2Stream* const s = stream(session, id)) {
            s->arrived_.append(view(bytes, size));
            self(user).list(*s);
        }
        return 0;
    }

    static int frame_received(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
        H2Session& us = self(user);
        if (frame->hd.type == NGHTTP2_SETTINGS && (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) {
            us.on_settings();
        } else if (frame->hd.type == NGHTTP2_GOAWAY) {
            us.leaving_ = true;
            us.freed_ = true;  // those who wait need another connection
            // Some requests were taken, though none may be answered yet.
            us.served_ = us.served_ || frame->goaway.last_stream_id > 0;
        }
        H2Stream* const s = stream(session, frame->hd.stream_id);
        if (s == nullptr) {
            return 0;
        }
        if (frame->hd.type == NGHTTP2_RST_STREAM) {
            s->peer_reset_ = true;
            return 0;
        }
        if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) {
            return 0;
        }
        if (frame->hd.type == NGHTTP2_HEADERS && !s->head_done_ && s->take_head()) {
            us.served_ = true;
        }
        s->ended_ = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
        us.list(*s);
        return 0;
    }

    static int frame_sent(nghttp2_session* session, const nghttp2_frame* frame, void* /*user*/) {
        H2Stream* const s =
            frame->hd.type == NGHTTP2_HEADERS ? stream(session, frame->hd.stream_id) : nullptr;
        if (s != nullptr) {
            s->begun_ = true;
        }
        return 0;
    }

    // A request that may no longer be begun: the vendor said GOAWAY after it was queued.  Anything
    // else (a head that is too large) would fail elsewhere as well.
    static int frame_not_sent(nghttp2_session* session, const nghttp2_frame* frame, int error,
                              void* user) {
        H2Stream* const s =
            frame->hd.type == NGHTTP2_HEADERS ? stream(session, frame->hd.stream_id) : nullptr;
        if (s == nullptr) {
            return 0;
        }
        if (error != NGHTTP2_ERR_START_STREAM_NOT_ALLOWED && error != NGHTTP2_ERR_SESSION_CLOSING) {
            s->fail(FailureKind::upstream_unavailable,
                    std::string("the request cannot be sent: ") + nghttp2_strerror(error),
                    H2Stream::Fate::unknown);
        }
        self(user).on_stream_closed(*s, NGHTTP2_REFUSED_STREAM);
        return 0;
    }

    static int stream_closed(nghttp2_session* session, std::int32_t id, std::uint32_t code,
                             void* user) {
        if (H2Stream* const s = stream(session, id)) {
            self(user).on_stream_closed(*s, code);
        }
        return 0;
    }

    static int complaint(nghttp2_session*, int /*code*/, const char* text, std::size_t size,
                         void* user) {
        self(user).complaint_.assign(text, std::min<std::size_t>(size, 200));
        return 0;
    }

    static ssize_t read_upload(nghttp2_session* session, std::int32_t id, std::uint8_t* out,
                               std::size_t size, std::uint32_t* flags, nghttp2_data_source*,
                               void* user) {
        H2Stream* const s = stream(session, id);
        if (s == nullptr || s->upload_done()) {
            return NGHTTP2_ERR_DEFERRED;  // abandoned: a reset follows
        }
        bool last = false;
        const std::size_t done = s->read_upload(reinterpret_cast<char*>(out), size, last);
        if (last) {
            *flags |= NGHTTP2_DATA_FLAG_EOF;
            self(user).list(*s);
        }
        return static_cast<ssize_t>(done);
    }

    static nghttp2_session* make(H2Session& us) {
        nghttp2_session_callbacks* callbacks = nullptr;
        nghttp2_option* option = nullptr;
        nghttp2_session* session = nullptr;
        if (nghttp2_session_callbacks_new(&callbacks) == 0 && nghttp2_option_new(&option) == 0) {
            nghttp2_session_callbacks_set_on_header_callback(callbacks, header);
            nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, invalid_header);
            nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, data);
            nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frame_received);
            nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, frame_sent);
            nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, frame_not_sent);
            nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, stream_closed);
            nghttp2_session_callbacks_set_error_callback2(callbacks, complaint);
            nghttp2_option_set_no_auto_window_update(option, 1);
            nghttp2_option_set_max_send_header_block_length(option, kMostHead);
            nghttp2_session_client_new2(&session, callbacks, &us, option);
        }
        nghttp2_option_del(option);
        nghttp2_session_callbacks_del(callbacks);
        return session;
    }
};

H2Session::H2Session(const H2Wiring& wiring, Channel channel)
    : Deadline(wiring.reactor),
      reactor_(wiring.reactor),
      pool_(wiring.pool),
      origin_(wiring.origin),
      scratch_(wiring.scratch),
      channel_(std::move(channel)),
      session_(Callbacks::make(*this)),
      again_(wiring.reactor, *this) {
    if (session_ == nullptr) {
        throw std::bad_alloc();
    }
    const std::array<nghttp2_settings_entry, 3> settings{{
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kMostHead},
    }};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
    ask_for_turn();
}

H2Session::~H2Session() {
    reactor_.poller().forget(*this);
    for (H2Stream* const stream : streams_) {  // only when the pool dies under running calls
        stream->session_ = nullptr;
    }
    while (!listed_.empty()) {
        if (listed_.back() != nullptr) {
            listed_.back()->listed_in_ = nullptr;
        }
        listed_.pop_back();
    }
    nghttp2_session_del(session_);
}

// ---- what coroutines call ----

std::size_t H2Session::free_places() const noexcept {
    const std::size_t taken = reserved_ + streams_.size();
    return dead_ || leaving_ || pinged_ || taken >= most_streams_ ? 0 : most_streams_ - taken;
}

void H2Session::reserve() noexcept {
    ++reserved_;
    if (!counted_active_) {
        pool_.h2_busy(*this);
    }
}

void H2Session::unreserve() noexcept {
    --reserved_;
    freed_ = true;
    ask_for_turn();
}

void H2Session::open(H2Stream& stream, const adapters::UpstreamRequest& request) {
    if (dead_ || leaving_) {
        stream.fail(FailureKind::upstream_unavailable,
                    "the connection was lost before the request was sent",
                    H2Stream::Fate::unprocessed);
        return;
    }
    const int id = submit(stream, request);
    if (id < 0) {
        leaving_ = true;  // out of stream ids, or of memory
        stream.fail(FailureKind::upstream_unavailable,
                    std::string("the request cannot be sent: ") + nghttp2_strerror(id),
                    H2Stream::Fate::unprocessed);
        return;
    }
    stream.session_ = this;
    stream.id_ = id;
    stream.heard_ = heard_;
    stream.reused_ = served_;
    streams_.push_back(&stream);
    if (!is_set()) {
        heard_before_ = heard_;
        set(Reactor::now() + origin_.spec.ping);
    }
    ask_for_turn();
}

int H2Session::submit(H2Stream& stream, const adapters::UpstreamRequest& request) {
    std::vector<nghttp2_nv> fields;
    std::vector<std::string> lowered;
    fields.reserve(request.headers.size() + 5);
    lowered.reserve(request.headers.size());
    const auto add = [&fields](std::string_view name, std::string_view value) {
        const auto bytes = [](std::string_view text) {
            return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
        };
        fields.push_back({bytes(name), bytes(value), name.size(), value.size(),
                          NGHTTP2_NV_FLAG_NONE});  // copied by nghttp2
    };
    const std::string authority = origin_.spec.authority();
    const std::string length = std::to_string(request.body.size());
    add(":method", request.method);
    add(":scheme", origin_.spec.tls ? "https" : "http");
    add(":authority", authority);
    add(":path", request.target);
    for (const adapters::Header& header : request.headers) {
        std::string_view name = header.name;
        if (std::any_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) {
            name = lowered.emplace_back(lower(name));
        }
        if (!belongs_to_the_hop(name)) {
            add(name, header.value);
        }
    }
    if (request.body.size() > 0 || request.method != "GET") {
        add("content-length", length);
    }
    nghttp2_data_provider upload{};
    upload.read_callback = Callbacks::read_upload;
    return nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(),
                                  stream.upload_done() ? nullptr : &upload, &stream);
}

void H2Session::cancel(H2Stream& stream) noexcept {
    nghttp2_session_set_stream_user_data(session_, stream.id_, nullptr);
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id_, NGHTTP2_CANCEL);
    detach(stream);
    ask_for_turn();
}

void H2Session::consumed(H2Stream& stream, std::size_t bytes) noexcept {
    nghttp2_session_consume_stream(session_, stream.id_, bytes);
    if (nghttp2_session_want_write(session_) != 0) {
        ask_for_turn();
    }
}

// ---- what the event loop calls ----

void H2Session::on_readable() {
    read_some();
    wake_listed();
    ask_for_turn();
}

void H2Session::on_writable() {
    if (blocked_) {
        blocked_ = false;
        write_some();
        settle();
    }
}

void H2Session::batch_ended() {
    write_some();
    if (!watched_ && !dead_) {
        watched_ = true;
        channel_.socket().watch_writable(this);
        channel_.socket().watch(this);
    }
    settle();
}

// The time of one silence: first a PING, then the end.
void H2Session::expired() {
    if (streams_.empty() || dead_) {
        return;
    }
    if (heard_ == heard_before_ && pinged_) {
        die(FailureKind::upstream_unavailable,
            "the connection was silent and did not answer a PING (pool.ping)");
    } else {
        if (heard_ == heard_before_) {
            nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
            pinged_ = true;
        }
        heard_before_ = heard_;
        set(Reactor::now() + origin_.spec.ping);
        write_some();
    }
    settle();
}

void H2Session::read_some() {
    for (int reads = 0; !dead_; ++reads) {
        if (reads == kReadsInARow) {  // a vendor faster than we are must not starve the others
            again_.set(Reactor::now());
            return;
        }
        const IoResult result = channel_.read(scratch_.data(), scratch_.size());
        if (result.status == IoStatus::ok) {
            if (!feed(result.bytes)) {
                return;
            }
            wake_listed();
            if (channel_.is_tls() || channel_.socket().may_read()) {
                continue;
            }
            return;
        }
        if (result.status == IoStatus::closed || result.status == IoStatus::failed) {
            if (!counted_active_) {
                pool_.h2_stale(*this);
            }
            die(FailureKind::upstream_unavailable,
                std::string("the connection was lost: ") +
                    (result.error != 0 ? std::strerror(result.error) : "closed by the vendor"));
        }
        return;
    }
}

// False: the connection is over.
bool H2Session::feed(std::size_t size) {
    const std::string_view bytes(scratch_.data(), size);
    if (heard_ == 0 && bytes.starts_with("HTTP/1")) {
        die(FailureKind::protocol_error, "the vendor answers in HTTP/1.1 (pool.http2 is on)");
        return false;
    }
    ++heard_;
    pinged_ = false;
    const ssize_t taken = nghttp2_session_mem_recv(
        session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    if (taken < 0) {
        die(FailureKind::protocol_error, std::string("the vendor's HTTP/2 is not valid: ") +
                                             nghttp2_strerror(static_cast<int>(taken)));
        return false;
    }
    return true;
}

void H2Session::fill() {
    while (out_.size() < kWriteAtOnce) {
        const std::uint8_t* bytes = nullptr;
        const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
        if (size <= 0) {
            return;
        }
        out_.append(view(bytes, static_cast<std::size_t>(size)));
    }
}

void H2Session::write_some() {
    while (!dead_ && !blocked_) {
        if (sent_ == out_.size()) {
            out_.clear();
            sent_ = 0;
            fill();
            if (out_.empty()) {
                break;
            }
        }
        const iovec rest = piece(std::string_view(out_).substr(sent_));
        const IoResult result = channel_.write(std::span(&rest, 1));
        if (result.status == IoStatus::ok) {
            sent_ += result.bytes;
        } else if (result.status == IoStatus::want_write) {
            blocked_ = true;
        } else if (result.status == IoStatus::want_read) {
            return;  // TLS has to read first; every read is followed by another try
        } else {
            // The vendor may have said why before it closed.
            read_some();
            die(FailureKind::upstream_unavailable,
                std::string("the connection was lost: ") + std::strerror(result.error));
        }
    }
    if (!dead_ && out_.empty()) {
        if (out_.capacity() > kKeptBuffer) {
            give_back(out_);
        }
        if (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0) {
            die(FailureKind::protocol_error,
                "the vendor's HTTP/2 is not valid" +
                    (complaint_.empty() ? std::string() : ": " + complaint_));
        }
    }
}

void H2Session::on_settings() {
    const std::uint32_t most =
        nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    most_streams_ = std::min<std::size_t>(most, kMostStreams);
    freed_ = true;
    if (!settled_) {
        settled_ = true;
        pool_.h2_settled(origin_, most_streams_);
    }
}

void H2Session::on_stream_closed(H2Stream& stream, std::uint32_t code) {
    using Fate = H2Stream::Fate;
    const std::string within = stream.head_done_ ? " within the answer" : "";
    const std::string name = nghttp2_http2_strerror(code);
    stream.was_first_ = !served_;
    if (code == NGHTTP2_REFUSED_STREAM) {
        stream.fail(FailureKind::upstream_unavailable, "the vendor refused the stream" + within,
                    Fate::unprocessed);
    } else if (stream.peer_reset_) {
        if (code == NGHTTP2_HTTP_1_1_REQUIRED) {
            pool_.h2_unwanted(origin_);
        }
        stream.fail(FailureKind::upstream_unavailable,
                    "the vendor reset the stream" + within + " (" + name + ")",
                    code == NGHTTP2_HTTP_1_1_REQUIRED ? Fate::unprocessed : Fate::unknown);
    } else {
        stream.fail(FailureKind::protocol_error,
                    "the answer is not valid HTTP/2 (" + name +
                        (complaint_.empty() ? ")" : "): " + complaint_),
                    Fate::unknown);
    }
    list(stream);
    detach(stream);
}

// From here on nghttp2 and this object have nothing to do with the stream; one that has been listed
// is still woken.
void H2Session::detach(H2Stream& stream) noexcept {
    nghttp2_session_set_stream_user_data(session_, stream.id_, nullptr);
    std::erase(streams_, &stream);
    stream.session_ = nullptr;
    freed_ = true;
}

void H2Session::list(H2Stream& stream) {
    if (stream.listed_in_ == nullptr) {
        stream.listed_in_ = this;
        listed_.push_back(&stream);
    }
}

void H2Session::unlist(H2Stream& stream) noexcept {
    std::replace(listed_.begin(), listed_.end(), &stream, static_cast<H2Stream*>(nullptr));
    stream.listed_in_ = nullptr;
}

// By index: what runs in between may end other streams of the list.
void H2Session::wake_listed() {
    for (std::size_t i = 0; i < listed_.size(); ++i) {
        if (H2Stream* const stream = listed_[i]) {
            unlist(*stream);
            if (stream->waiter_ != nullptr) {
                std::exchange(stream->waiter_, nullptr)->wake_ready();
            }
        }
    }
    listed_.clear();
}

void H2Session::die(FailureKind kind, const std::string& reason) {
    if (dead_) {
        return;
    }
    dead_ = true;
    freed_ = true;
    clear();
    again_.clear();
    for (H2Stream* const stream : streams_) {
        using Fate = H2Stream::Fate;
        const bool unheard = stream->reused_ && stream->heard_ == heard_;
        stream->was_first_ = !served_;
        stream->fail(kind, reason,
                     !stream->begun_ ? Fate::unprocessed
                     : unheard       ? Fate::unheard
                                     : Fate::unknown);
        stream->session_ = nullptr;
        list(*stream);
    }
    streams_.clear();
    channel_.close();
    pool_.h2_closed(*this);
}

void H2Session::close_idle() {
    nghttp2_session_terminate_session(session_, NGHTTP2_NO_ERROR);
    write_some();
    die(FailureKind::upstream_unavailable, "closed while idle");
    ask_for_turn();
}

// The end of every call from the event loop.
void H2Session::settle() {
    wake_listed();
    if (!dead_ && !is_busy()) {
        if (leaving_) {
            die(FailureKind::upstream_unavailable, "the vendor said GOAWAY");
        } else if (counted_active_) {
            idle_since_ = Reactor::now();
            pool_.h2_idle(*this);
        }
    }
    if (std::exchange(freed_, false)) {
        pool_.serve_waiting(origin_);
    }
    if (dead_ && reserved_ == 0) {
        pool_.h2_forget(*this);  // destroys this
    }
}

}  // namespace tollgate::server::upstream
