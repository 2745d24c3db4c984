#include "server/h2/session.hpp"

#include "server/field_syntax.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

namespace tollgate::server::h2 {
namespace {

using metrics::Attack;

// Beyond the fields of our own table, e.g. a vendor's.
constexpr std::size_t kUsualFields = 40;

// The most that nghttp2 gives out at once: a frame of 16 KiB with its header, and its spare.
constexpr std::size_t kMostChunk = 17 * 1024;
static_assert(Session::kLeastRoom >= 2 * kMostChunk);

std::string_view view(const std::uint8_t* data, std::size_t size) noexcept {
    return {reinterpret_cast<const char*>(data), size};
}

nghttp2_nv field(std::string_view name, std::string_view value, std::uint8_t flags) noexcept {
    // nghttp2 takes mutable pointers and does not write.
    const auto bytes = [](std::string_view text) {
        return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
    };
    return {bytes(name), bytes(value), name.size(), value.size(), flags};
}

// Values that are hardly ever the same twice would only push the others out of the HPACK table.
bool is_volatile(std::string_view name) noexcept {
    return name == "x-request-id" || name == "x-tollgate-overhead-us" || name == "date" ||
           name == "x-tollgate-cost-usd";
}

// Whether the name could stand in an HTTP/2 answer; vendors' fields come through a filter already.
bool is_sendable(std::string_view name) noexcept {
    return !name.empty() && name != "connection" && name != "keep-alive" &&
           name != "proxy-connection" && name != "transfer-encoding" && name != "upgrade";
}

struct OptionDelete {
    void operator()(nghttp2_option* option) const noexcept { nghttp2_option_del(option); }
};
struct CallbacksDelete {
    void operator()(nghttp2_session_callbacks* callbacks) const noexcept {
        nghttp2_session_callbacks_del(callbacks);
    }
};

}  // namespace

void Session::Delete::operator()(nghttp2_session* session) const noexcept {
    nghttp2_session_del(session);
}

// The C side.  Nothing may throw through nghttp2: each callback that could catches, and fails.
struct Session::Callbacks {
    static Session& self(void* user) noexcept { return *static_cast<Session*>(user); }
    static StreamPort* port(nghttp2_session* session, std::int32_t stream) noexcept {
        return static_cast<StreamPort*>(nghttp2_session_get_stream_user_data(session, stream));
    }
    template <class Act>
    static int guarded(Act act) noexcept {
        try {
            return act();
        } catch (...) {  // out of memory
            return NGHTTP2_ERR_CALLBACK_FAILURE;
        }
    }

    static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) noexcept {
        Session& s = self(user);
        s.builder_.begin();
        return frame->headers.cat == NGHTTP2_HCAT_REQUEST ? s.open_stream(frame->hd.stream_id) : 0;
    }

    static int header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name,
                      std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                      std::uint8_t, void* user) noexcept {
        return guarded([&] {
            Session& s = self(user);
            if (s.builder_.add(view(name, name_size), view(value, value_size))) {
                return 0;
            }
            s.found_ = {.code = ErrorCode::enhance_your_calm,
                        .kind = Attack::header_bomb,
                        .reason = "a header block unpacks to many times the limit"};
            return static_cast<int>(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE);
        });
    }

    static int invalid_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t*,
                              std::size_t, const std::uint8_t*, std::size_t, std::uint8_t,
                              void* user) noexcept {
        self(user).builder_.reject();
        return 0;
    }

    static int frame_received(nghttp2_session* session, const nghttp2_frame* frame,
                              void* user) noexcept {
        return guarded([&] {
            Session& s = self(user);
            const std::int32_t stream = frame->hd.stream_id;
            const bool ended = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
            switch (frame->hd.type) {
                case NGHTTP2_HEADERS:
                    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
                        s.finish_head(stream, ended);
                        return 0;
                    }
                    if (s.builder_.finish_trailers().state != HeadVerdict::State::accepted) {
                        s.count_provoked(false);
                        s.reset(stream, ErrorCode::protocol_error);
                        return 0;
                    }
                    break;
                case NGHTTP2_DATA:
                    break;
                case NGHTTP2_PING:
                    if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
                        s.events_.on_ping_answered();
                    }
                    return 0;
                default:
                    return 0;
            }
            StreamPort* const p = ended ? port(session, stream) : nullptr;
            if (p != nullptr) {
                p->on_request_end();
            }
            return 0;
        });
    }

    static int data_received(nghttp2_session* session, std::uint8_t, std::int32_t stream,
                             const std::uint8_t* data, std::size_t size, void* user) noexcept {
        return guarded([&] {
            StreamPort* const p = port(session, stream);
            if (p != nullptr) {
                p->on_body(view(data, size));
            } else {
                self(user).credit(0, size);
            }
            return 0;
        });
    }

    static int invalid_frame(nghttp2_session*, const nghttp2_frame*, int, void* user) noexcept {
        self(user).count_provoked(false);
        return 0;
    }

    static int frame_sent(nghttp2_session* session, const nghttp2_frame* frame,
                          void* user) noexcept {
        return guarded([&] {
            Session& s = self(user);
            switch (frame->hd.type) {
                case NGHTTP2_RST_STREAM:
                    s.guard_.note_reset(frame->hd.stream_id);
                    if (frame->rst_stream.error_code == NGHTTP2_FLOW_CONTROL_ERROR && !s.found_) {
                        // Section 6.9.2 wants a connection error where SETTINGS were the cause, and
                        // no sound client comes near either.
                        s.found_ = {.code = ErrorCode::flow_control_error,
                                    .kind = Attack::protocol_error,
                                    .reason = "a stream's window is too large"};
                    }
                    break;
                case NGHTTP2_GOAWAY:
                    if (frame->goaway.error_code != NGHTTP2_NO_ERROR && !s.fault_) {
                        // nghttp2 has found it by itself.
                        s.fault_ = {.code = static_cast<ErrorCode>(frame->goaway.error_code),
                                    .kind = Attack::protocol_error,
                                    .reason = "a frame is against the protocol"};
                        s.events_.on_attack(s.fault_.kind);
                    }
                    break;
                case NGHTTP2_HEADERS:
                    if (StreamPort* const p = port(session, frame->hd.stream_id)) {
                        if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
                            p->on_answer_sent();
                        }
                    }
                    break;
                case NGHTTP2_DATA:
                    s.guard_.note_data_sent();
                    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
                        if (StreamPort* const p = port(session, frame->hd.stream_id)) {
                            p->on_answer_sent();
                        }
                    }
                    break;
                default:
                    break;
            }
            return 0;
        });
    }

    static int stream_closed(nghttp2_session* session, std::int32_t stream, std::uint32_t code,
                             void* user) noexcept {
        --self(user).open_streams_;
        if (StreamPort* const p = port(session, stream)) {
            p->on_close(static_cast<ErrorCode>(code));
        }
        return 0;
    }

    static ssize_t read_body(nghttp2_session* session, std::int32_t stream, std::uint8_t*,
                             std::size_t room, std::uint32_t* flags, nghttp2_data_source*,
                             void*) noexcept {
        StreamPort* const p = port(session, stream);
        if (p == nullptr) {
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        }
        const StreamPort::Outgoing out = p->outgoing();
        if (out.bytes == 0 && out.broken) {
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // RST_STREAM(INTERNAL_ERROR)
        }
        if (out.bytes == 0 && !out.last) {
            return NGHTTP2_ERR_DEFERRED;
        }
        const std::size_t size = std::min(out.bytes, room);
        *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
        if (out.last && !out.broken && size == out.bytes) {
            *flags |= NGHTTP2_DATA_FLAG_EOF;
        }
        return static_cast<ssize_t>(size);
    }

    static int send_body(nghttp2_session* session, nghttp2_frame* frame, const std::uint8_t* header,
                         std::size_t size, nghttp2_data_source*, void* user) noexcept {
        constexpr std::size_t kHeader = 9;
        Session& s = self(user);
        StreamPort* const p = port(session, frame->hd.stream_id);
        if (p == nullptr) {
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        }
        // nghttp2 may send several of these, and then something else, before it returns.
        if (s.out_.size() - s.filled_ < kHeader + size + kMostChunk) {
            return NGHTTP2_ERR_WOULDBLOCK;
        }
        char* const to = s.out_.data() + s.filled_;
        std::memcpy(to, header, kHeader);
        p->take(to + kHeader, size);
        s.filled_ += kHeader + size;
        return 0;
    }

    static std::unique_ptr<nghttp2_session_callbacks, CallbacksDelete> make() {
        nghttp2_session_callbacks* made = nullptr;
        if (nghttp2_session_callbacks_new(&made) != 0) {
            throw std::bad_alloc();
        }
        std::unique_ptr<nghttp2_session_callbacks, CallbacksDelete> owned(made);
        nghttp2_session_callbacks_set_on_begin_headers_callback(made, begin_headers);
        nghttp2_session_callbacks_set_on_header_callback(made, header);
        nghttp2_session_callbacks_set_on_invalid_header_callback(made, invalid_header);
        nghttp2_session_callbacks_set_on_frame_recv_callback(made, frame_received);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, data_received);
        nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made, invalid_frame);
        nghttp2_session_callbacks_set_on_frame_send_callback(made, frame_sent);
        nghttp2_session_callbacks_set_on_stream_close_callback(made, stream_closed);
        nghttp2_session_callbacks_set_send_data_callback(made, send_body);
        return owned;
    }
};

Session::Session(const SessionLimits& limits, SessionEvents& events)
    : events_(events),
      guard_({.header_block = limits.head.list_bytes}),
      builder_(limits.head),
      preface_left_(NGHTTP2_CLIENT_MAGIC_LEN),
      max_streams_(limits.max_streams) {
    const auto callbacks = Callbacks::make();
    nghttp2_option* option = nullptr;
    if (nghttp2_option_new(&option) != 0) {
        throw std::bad_alloc();
    }
    const std::unique_ptr<nghttp2_option, OptionDelete> owned(option);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);  // memory for priorities that we do not use
    nghttp2_option_set_max_deflate_dynamic_table_size(option, limits.header_table);
    // Behind our own limits in FrameGuard, which are counted: a second line.
    nghttp2_option_set_stream_reset_rate_limit(option, 1000, 100);
    nghttp2_option_set_max_continuations(option, limits.head.list_bytes / 16384 + 8);
    nghttp2_session* made = nullptr;
    if (nghttp2_session_server_new2(&made, callbacks.get(), this, option) != 0) {
        throw std::bad_alloc();
    }
    nghttp2_.reset(made);
    submit_settings(limits);
}

Session::~Session() = default;

void Session::submit_settings(const SessionLimits& limits) {
    const std::array<nghttp2_settings_entry, 5> settings{{
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, NGHTTP2_INITIAL_MAX_CONCURRENT_STREAMS},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.stream_window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(limits.head.list_bytes)},
        {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, limits.header_table},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    }};
    if (nghttp2_submit_settings(nghttp2_.get(), NGHTTP2_FLAG_NONE, settings.data(),
                                settings.size()) != 0 ||
        nghttp2_session_set_local_window_size(nghttp2_.get(), NGHTTP2_FLAG_NONE, 0,
                                              limits.connection_window) != 0) {
        throw std::bad_alloc();
    }
}

// nghttp2 1.52 ends the connection of a client that opens too many streams; RFC 9113 section 5.1.2
// lets the stream alone be refused, as open_stream() does.  So nghttp2 is not told of the limit,
// and the client is: it is the first setting of the first frame.
void Session::tell_max_streams(std::span<char> frame) const noexcept {
    constexpr std::size_t kAt = 9 + 2;  // the frame's header, the setting's id
    for (std::size_t i = 0; i < 4 && kAt + i < frame.size(); ++i) {
        frame[kAt + i] = static_cast<char>((max_streams_ >> (24 - 8 * i)) & 0xff);
    }
}

// A request has begun; nghttp2's verdict for it.
int Session::open_stream(std::int32_t stream) noexcept {
    if (++open_streams_ <= max_streams_) {
        return 0;
    }
    count_provoked(true);
    reset(stream, ErrorCode::refused_stream);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // its header block is decoded and dropped
}

bool Session::upgrade(std::string_view settings, bool head_only, StreamPort& port) {
    guard_.begin_upgraded();
    ++open_streams_;
    // For a server the last parameter is not used, so the port is set afterwards.
    return nghttp2_session_upgrade2(nghttp2_.get(),
                                    reinterpret_cast<const std::uint8_t*>(settings.data()),
                                    settings.size(), head_only ? 1 : 0, nullptr) == 0 &&
           nghttp2_session_set_stream_user_data(nghttp2_.get(), 1, &port) == 0;
}

void Session::feed(std::string_view bytes, Time now) {
    now_ = now;
    if (preface_left_ > 0) {
        const std::string_view preface = bytes.substr(0, preface_left_);
        receive(preface);
        preface_left_ -= preface.size();
        bytes.remove_prefix(preface.size());
    }
    if (fault_ || bytes.empty()) {
        return;
    }
    const FrameGuard::Verdict verdict = guard_.feed(bytes, now);
    if (verdict.passed > 0) {
        receive(bytes.substr(0, verdict.passed));
    }
    if (!fault_ && verdict.fault) {
        terminate(verdict.fault);
    }
}

void Session::receive(std::string_view bytes) {
    const ssize_t taken = nghttp2_session_mem_recv(
        nghttp2_.get(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    if (found_) {
        terminate(found_);
    } else if (taken == NGHTTP2_ERR_FLOODED) {
        terminate({.code = ErrorCode::enhance_your_calm,
                   .kind = Attack::ping_flood,
                   .reason = "too many frames that want an answer"});
    } else if (taken == NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
        terminate({.code = ErrorCode::protocol_error,
                   .kind = Attack::protocol_error,
                   .reason = "this is not HTTP/2"});
    } else if (taken < 0) {
        terminate({.code = ErrorCode::internal_error,
                   .kind = Attack::protocol_error,
                   .reason = "the frames cannot be processed"});
    }
}

void Session::finish_head(std::int32_t stream, bool ended) {
    IncomingHead head;
    const HeadVerdict verdict = builder_.finish(head);
    if (verdict.state == HeadVerdict::State::malformed) {
        count_provoked(false);
        events_.on_attack(Attack::protocol_error);
        reset(stream, ErrorCode::protocol_error);
        return;
    }
    StreamPort* const port = events_.on_request(stream, std::move(head), verdict, ended);
    nghttp2_session_set_stream_user_data(nghttp2_.get(), stream, port);
}

// Streams that end by RST_STREAM of ours cost the client one frame and us some work; so they are
// rationed as its own are.
void Session::count_provoked(bool refused_stream) noexcept {
    const bool fine = refused_stream ? guard_.note_refused(now_) : guard_.note_provoked_reset(now_);
    if (!fine && !found_) {
        found_ = {.code = ErrorCode::enhance_your_calm,
                  .kind = Attack::reset_flood,
                  .reason = "too many streams that had to be refused"};
    }
}

std::size_t Session::fill(std::span<char> out) {
    out_ = out;
    filled_ = 0;
    while (out.size() - filled_ >= kLeastRoom) {
        const std::uint8_t* data = nullptr;
        const ssize_t size = nghttp2_session_mem_send(nghttp2_.get(), &data);
        if (size < 0 && !fault_) {
            fault_ = {.code = ErrorCode::internal_error,
                      .kind = Attack::protocol_error,
                      .reason = "out of memory"};
        }
        if (size <= 0) {
            break;
        }
        std::memcpy(out.data() + filled_, data, static_cast<std::size_t>(size));
        if (!std::exchange(opened_, true)) {
            tell_max_streams(out.subspan(filled_, static_cast<std::size_t>(size)));
        }
        filled_ += static_cast<std::size_t>(size);
    }
    out_ = {};
    if (found_) {
        terminate(found_);
    }
    return filled_;
}

bool Session::wants_write() const noexcept {
    return nghttp2_session_want_write(nghttp2_.get()) != 0;
}

bool Session::is_finished() const noexcept {
    return nghttp2_session_want_read(nghttp2_.get()) == 0 && !wants_write();
}

void Session::submit_head(std::int32_t stream, std::string_view head, bool has_body) {
    std::array<nghttp2_nv, kUsualFields> few;
    std::vector<nghttp2_nv> many;
    std::size_t count = 0;
    const auto add = [&](std::string_view name, std::string_view value, std::uint8_t flags) {
        const nghttp2_nv one = field(name, value, flags);
        if (count < few.size()) {
            few[count] = one;
        } else {
            many.push_back(one);
        }
        ++count;
    };
    add(":status", head.substr(0, 3), NGHTTP2_NV_FLAG_NONE);
    head.remove_prefix(3);
    while (!head.empty()) {
        const std::size_t end = std::min(head.find('\r'), head.size());
        const std::string_view line = head.substr(0, end);
        const std::size_t colon = line.find(':');
        const std::string_view name = line.substr(0, colon);
        if (colon != std::string_view::npos && is_sendable(name)) {
            std::string_view value = line.substr(colon + 1);
            value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
            add(name, value, is_volatile(name) ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE);
        }
        head.remove_prefix(std::min(end + 2, head.size()));
    }
    const nghttp2_nv* all = few.data();
    if (!many.empty()) {
        many.insert(many.begin(), few.begin(), few.end());
        all = many.data();
    }
    nghttp2_data_provider provider{.source = {.ptr = nullptr},
                                   .read_callback = Callbacks::read_body};
    if (nghttp2_submit_response(nghttp2_.get(), stream, all, count,
                                has_body ? &provider : nullptr) != 0) {
        reset(stream, ErrorCode::internal_error);
    }
}

void Session::detach(std::int32_t stream) noexcept {
    static_cast<void>(nghttp2_session_set_stream_user_data(nghttp2_.get(), stream, nullptr));
}

void Session::submit_continue(std::int32_t stream) {
    const nghttp2_nv status = field(":status", "100", NGHTTP2_NV_FLAG_NONE);
    static_cast<void>(nghttp2_submit_headers(nghttp2_.get(), NGHTTP2_FLAG_NONE, stream, nullptr,
                                             &status, 1, nullptr));
}

void Session::resume(std::int32_t stream) noexcept {
    static_cast<void>(nghttp2_session_resume_data(nghttp2_.get(), stream));
}

void Session::reset(std::int32_t stream, ErrorCode code) noexcept {
    static_cast<void>(nghttp2_submit_rst_stream(nghttp2_.get(), NGHTTP2_FLAG_NONE, stream,
                                                static_cast<std::uint32_t>(code)));
}

void Session::credit(std::int32_t stream, std::size_t bytes) noexcept {
    if (stream == 0) {
        static_cast<void>(nghttp2_session_consume_connection(nghttp2_.get(), bytes));
    } else {
        static_cast<void>(nghttp2_session_consume(nghttp2_.get(), stream, bytes));
    }
}

void Session::ping() noexcept {
    static_cast<void>(nghttp2_submit_ping(nghttp2_.get(), NGHTTP2_FLAG_NONE, nullptr));
}

void Session::announce_end() noexcept {
    static_cast<void>(nghttp2_submit_shutdown_notice(nghttp2_.get()));
}

void Session::end() noexcept {
    static_cast<void>(nghttp2_submit_goaway(nghttp2_.get(), NGHTTP2_FLAG_NONE,
                                            nghttp2_session_get_last_proc_stream_id(nghttp2_.get()),
                                            NGHTTP2_NO_ERROR, nullptr, 0));
}

void Session::terminate(const ConnectionFault& fault) noexcept {
    if (fault_) {
        return;
    }
    fault_ = fault;
    events_.on_attack(fault.kind);
    static_cast<void>(
        nghttp2_session_terminate_session(nghttp2_.get(), static_cast<std::uint32_t>(fault.code)));
}

}  // namespace tollgate::server::h2
