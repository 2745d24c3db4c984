#include "server/h1/session.hpp"

#include "adapters/codec/base64.hpp"
#include "server/h1/head_parser.hpp"
#include "server/io/give_back.hpp"
#include "server/linger.hpp"
#include "server/worker.hpp"

#include <algorithm>
#include <utility>

namespace tollgate::server::h1 {
namespace {

// A head and a small body usually come in one segment; larger bodies are read where they will stay.
constexpr std::size_t kHeadRead = 16 * 1024;

// Room that is made for an announced body before its limit has been checked.
constexpr std::size_t kMostPrepared = 256 * 1024;
// Pipelined requests that need no waiting are served in turns with the other connections.
constexpr unsigned kRequestsInARow = 16;

FailureKind kind_of(std::uint16_t status) noexcept {
    switch (status) {
        case 431:
            return FailureKind::headers_too_large;
        default:
            return FailureKind::bad_request;
    }
}

// Whether a comma-separated list has the item, ASCII case ignored.
bool lists(std::string_view list, std::string_view item) noexcept {
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        std::string_view one = list.substr(0, comma);
        one.remove_prefix(std::min(one.find_first_not_of(" \t"), one.size()));
        one = one.substr(0, one.find_last_not_of(" \t") + 1);
        if (same_name(one, item)) {
            return true;
        }
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return false;
}

}  // namespace

Session::Session(Worker& worker, Channel channel, ClientPeer peer, const SessionLimits& limits)
    : worker_(worker),
      channel_(std::move(channel)),
      peer_(std::move(peer)),
      limits_(limits),
      interrupt_(worker.reactor()),
      deadline_(worker.reactor(), interrupt_),
      responder_(Responder::Wiring{channel_, interrupt_, deadline_, worker.shard(),
                                   worker.draining(), body_done_, limits.write_timeout}) {
    worker_.enter(*this);
    worker_.shard().add_client_connections(metrics::ClientProtocol::http1, +1);
}

Session::~Session() {
    worker_.shard().add_client_connections(metrics::ClientProtocol::http1, -1);
    worker_.leave(*this);
}

void Session::drain() noexcept {
    if (idle_) {
        interrupt_.fire(Cause::shutdown);
    }
}

Task<void> Session::run() {
    for (unsigned in_a_row = 1;; ++in_a_row) {
        if (in_a_row % kRequestsInARow == 0) {
            co_await worker_.reactor().yield();
        }
        const bool received = co_await next_request();
        if (!received) {
            break;
        }
        if (may_upgrade_ && wants_upgrade()) {
            break;
        }
        Exchange exchange = make_exchange();
        if (body_done_) {
            channel_.socket().watch(this);  // else once the body has been read
        }
        co_await worker_.dispatch(exchange);
        channel_.socket().watch(nullptr);
        const bool reusable = co_await settle();
        if (!reusable) {
            break;
        }
    }
    if (handover_) {
        handover_->received = std::move(input_);
        handover_->channel = std::move(channel_);
        co_return;
    }
    if (responder_.aborted()) {
        channel_.cut();
    } else {
        channel_.close();
    }
}

// False: the connection is done with (nothing more to say to it).
Task<bool> Session::next_request() {
    give_back(head_bytes_);
    // Until then the next request may be on its way: the last answer may have gone before it could
    // say that there would be no other.
    if (worker_.closes_idle() && input_.empty()) {
        co_return false;
    }
    deadline_.clear();
    bool accepted = !input_.empty() && accept_head(input_);  // a pipelined request
    while (!accepted && !refusal_ && !handover_) {
        idle_ = input_.empty();
        if (idle_) {
            give_back(input_);  // an idle connection holds no buffer
            deadline_.arm(Cause::idle_timeout, Reactor::now() + limits_.idle_timeout);
        } else if (!deadline_.is_set() || deadline_.cause() != Cause::header_timeout) {
            deadline_.arm(Cause::header_timeout, Reactor::now() + limits_.header_timeout);
        }
        const Wake wake = co_await channel_.socket().readable(interrupt_);
        if (wake == Wake::interrupted) {
            if (interrupt_.cause() != Cause::header_timeout) {
                co_return false;
            }
            refusal_ = Failure{.kind = FailureKind::request_timeout,
                               .detail = "The request head did not arrive in time."};
            worker_.shard().add_attack(metrics::Attack::slow_header);
            interrupt_.reset();
            break;
        }
        const std::span<char> scratch = worker_.scratch().first(kHeadRead);
        const IoResult result = channel_.read(scratch.data(), scratch.size());
        if (result.status == IoStatus::closed || result.status == IoStatus::failed) {
            co_return false;
        }
        const std::string_view bytes(scratch.data(), result.bytes);
        if (bytes.empty()) {
            continue;
        }
        if (input_.empty()) {
            accepted = accept_head(bytes);
            continue;
        }
        // A head in pieces is judged anew only when another line of it has come.
        input_.append(bytes);
        if (bytes.find('\n') != std::string_view::npos ||
            input_.size() > limits_.guard.head_bytes) {
            const std::string all = std::move(input_);
            input_ = std::string();
            accepted = accept_head(all);
        }
    }
    idle_ = false;
    deadline_.clear();
    if (handover_) {
        co_return false;
    }
    if (refusal_) {
        const Failure failure = *std::exchange(refusal_, std::nullopt);
        co_await refuse(failure);
        co_return false;
    }
    co_return true;
}

// Judges `bytes`, all that has been received: an accepted head and what follows it are taken apart;
// an incomplete one is kept.
bool Session::accept_head(std::string_view received) {
    const std::string kept = received.data() == input_.data() ? std::move(input_) : std::string();
    const std::string_view bytes = kept.empty() ? received : std::string_view(kept);
    if (fresh_ && limits_.http2 && is_preface(bytes)) {
        return false;
    }
    const GuardVerdict verdict = guard(bytes, limits_.guard);
    if (verdict.state == GuardVerdict::State::refused) {
        if (verdict.foreign && fresh_ && limits_.http2) {  // RFC 9113 section 3.4: GOAWAY
            input_.assign(bytes);
            handover_ = std::make_unique<Handover>();
            return false;
        }
        if (verdict.status == 431) {
            worker_.shard().add_attack(metrics::Attack::header_too_large);
        }
        refusal_ = Failure{.kind = kind_of(verdict.status),
                           .detail = std::string(verdict.reason),
                           .status = verdict.status};
        return false;
    }
    if (verdict.state == GuardVerdict::State::need_more) {
        input_.assign(bytes);
        return false;
    }
    head_bytes_.assign(bytes.substr(verdict.skip, verdict.head_size - verdict.skip));
    begin(verdict);
    if (!parse_head(head_bytes_, head_)) {
        refusal_ =
            Failure{.kind = FailureKind::bad_request, .detail = "The request head is malformed."};
        return false;
    }
    std::string_view rest = bytes.substr(verdict.head_size);
    if (framing_ == Framing::length && body_left_ > 0) {
        const auto early =
            static_cast<std::size_t>(std::min<std::uint64_t>(body_left_, rest.size()));
        static_cast<void>(early_body_.prepare(
            static_cast<std::size_t>(std::min<std::uint64_t>(body_left_, kMostPrepared))));
        early_body_.append(rest.substr(0, early));
        rest.remove_prefix(early);
        body_left_ -= early;
        body_done_ = body_left_ == 0;
    }
    input_.assign(rest);
    return true;
}

void Session::begin(const GuardVerdict& verdict) {
    framing_ = verdict.framing;
    body_left_ = verdict.content_length;
    chunks_ = ChunkedDecoder();
    body_done_ = framing_ == Framing::none || (framing_ == Framing::length && body_left_ == 0);
    body_received_ = 0;
    body_began_ = {};
    early_body_.release();
    expect_continue_ = verdict.expect_continue;
    may_upgrade_ = verdict.upgrade && limits_.http2;
    fresh_ = false;
    const std::string_view line = std::string_view(head_bytes_).substr(0, head_bytes_.find('\r'));
    Responder::Message message;
    message.head_only = line.starts_with("HEAD ");
    message.version_10 = line.ends_with("1.0");
    message.keep_alive = verdict.keep_alive;
    responder_.reset(message);
    interrupt_.reset();
}

// RFC 9113 section 3.4.  True: the preface, or what may become it; the bytes are kept.
bool Session::is_preface(std::string_view received) {
    constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    if (!received.starts_with(kPreface.substr(0, received.size()))) {
        return false;
    }
    input_.assign(received);
    if (received.size() >= kPreface.size()) {
        handover_ = std::make_unique<Handover>();
    }
    return true;
}

// RFC 7540 section 3.2.  Not with a body, which would have to be read first: such a request is
// served as it is.  True: the handover is made.
bool Session::wants_upgrade() {
    std::string_view settings;
    std::size_t count = 0;
    for (const Field& field : head_.fields) {
        if (same_name(field.name, "http2-settings")) {
            settings = field.value;
            ++count;
        }
    }
    if (framing_ != Framing::none || channel_.is_tls() || count != 1 || worker_.draining() ||
        !lists(head_.find("upgrade"), "h2c") || !lists(head_.find("connection"), "upgrade") ||
        !lists(head_.find("connection"), "http2-settings")) {
        return false;
    }
    const std::optional<std::string> decoded =
        codec::base64_decode(settings, codec::Base64Form::url_unpadded);
    if (!decoded || decoded->size() % 6 != 0) {
        return false;
    }
    handover_ = std::make_unique<Handover>();
    handover_->upgrade_head = head_bytes_;
    handover_->upgrade_settings = *decoded;
    return true;
}

Exchange Session::make_exchange() noexcept {
    return {.head = head_,
            .body = *this,
            .responder = responder_,
            .interrupt = interrupt_,
            .client = peer_.address,
            .listener = peer_.listener,
            .certificate_subject = peer_.certificate_subject};
}

// Answers what never became a request, and ends the connection.
Task<void> Session::refuse(const Failure& failure) {
    head_ = RequestHead();
    Responder::Message message;
    message.keep_alive = false;
    responder_.reset(message);
    body_done_ = false;
    Exchange exchange = make_exchange();
    co_await worker_.refuse_unparsed(exchange, failure);
    co_await linger(worker_, channel_, interrupt_, deadline_);
}

// After an exchange: true when the connection can carry another one.
Task<bool> Session::settle() {
    idle_ = false;
    if (responder_.congested() && !is_final(interrupt_.cause())) {
        const bool sent = co_await responder_.drain();
        if (!sent) {
            co_return false;
        }
    }
    if (responder_.aborted() || !responder_.finished()) {
        co_return false;
    }
    if (!body_done_) {
        co_await linger(worker_, channel_, interrupt_, deadline_);
        co_return false;
    }
    if (!responder_.keep_alive()) {
        co_return false;
    }
    co_return !is_final(interrupt_.cause());
}

void Session::on_readable() {
    while (channel_.socket().may_read() && input_.size() < limits_.pipeline_bytes) {
        const std::span<char> scratch = worker_.scratch();
        const IoResult result = channel_.read(
            scratch.data(), std::min(limits_.pipeline_bytes - input_.size(), scratch.size()));
        if (result.status == IoStatus::closed || result.status == IoStatus::failed) {
            interrupt_.fire(Cause::client_gone);  // a half-closed client counts as gone
                                                  // (docs/life-of-a-request.md)
            return;
        }
        if (result.status == IoStatus::want_write) {
            return;  // TLS has something to send first; the next write does
        }
        input_.append(scratch.data(), result.bytes);
    }
    // At the bound we stop reading ahead: then the end of this client is noticed when we write.
}

}  // namespace tollgate::server::h1
