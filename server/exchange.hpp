// server/ — everything that touches a socket, a clock or a thread; wires the pure folders together.
// May include: all of ours, Boost.Asio, Beast, OpenSSL, nghttp2.  Start here: Exchange, then
// dispatch.hpp (the phases).
#pragma once

#include "failover/failure.hpp"
#include "server/io/interrupt.hpp"
#include "server/io/task.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tollgate::server {

/// One header field; views into the bytes of the head.
struct Field {
    std::string_view name;
    std::string_view value;
};

/// A request's head, whatever protocol brought it.  Views live as long as the exchange.
struct RequestHead {
    std::string_view method;
    std::string_view target;  ///< as sent
    std::string_view path;    ///< target without query; "*" for OPTIONS *
    std::string_view query;   ///< without '?'
    std::string_view host;
    std::vector<Field> fields;

    /// The value of the first field of that name (ASCII case ignored); empty when absent.
    [[nodiscard]] std::string_view find(std::string_view name) const noexcept;
};

/// A header name that equals `other`, ASCII case ignored.
[[nodiscard]] bool same_name(std::string_view name, std::string_view other) noexcept;

/// "%2F" becomes "/"; a percent sign that begins no pair of hex digits stays.
[[nodiscard]] std::string percent_decoded(std::string_view text);

/// A growing buffer for a body that parsers may read a little past the end of
/// (adapters::kBodySlack).
class BodyBuffer {
public:
    BodyBuffer() = default;
    BodyBuffer(BodyBuffer&& other) noexcept
        : data_(std::move(other.data_)),
          size_(std::exchange(other.size_, 0)),
          capacity_(std::exchange(other.capacity_, 0)) {}
    BodyBuffer& operator=(BodyBuffer&& other) noexcept {
        data_ = std::move(other.data_);
        size_ = std::exchange(other.size_, 0);
        capacity_ = std::exchange(other.capacity_, 0);
        return *this;
    }
    /// Makes room for `size` more bytes behind the current end and returns where they go.
    [[nodiscard]] char* prepare(std::size_t size);
    void commit(std::size_t size) noexcept { size_ += size; }
    void append(std::string_view bytes);
    [[nodiscard]] std::string_view view() const noexcept { return {data_.get(), size_}; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    void release() noexcept;

private:
    struct Free {
        void operator()(char* p) const noexcept;
    };
    std::unique_ptr<char, Free> data_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

/// The request body, read on demand.  The first read answers `Expect: 100-continue`.
class BodySource {
public:
    virtual ~BodySource() = default;
    /// Takes the whole body when it has arrived already; false: read_all() has work to do.
    [[nodiscard]] virtual bool take_at_once(BodyBuffer& out) = 0;
    /// Reads the whole body into `out`, decoded from its transfer coding.  Fails with too_large,
    /// bad_request (framing), request_timeout or client_gone.
    [[nodiscard]] virtual Task<Result<void>> read_all(BodyBuffer& out, std::uint64_t limit) = 0;
};

/// The head of the answer.  Connection-level fields are the protocol's business, not the caller's.
/// A number in decimal digits, in `space`.
using DecimalSpace = std::array<char, 20>;
[[nodiscard]] inline std::string_view decimal(std::uint64_t number, DecimalSpace& space) noexcept {
    return {space.data(), std::to_chars(space.data(), space.data() + space.size(), number).ptr};
}

struct ResponseHead {
    std::uint16_t status = 200;
    std::optional<std::uint64_t>
        content_length;  ///< absent: length unknown, framed by the protocol
    std::string fields;  ///< "name: value\r\n" lines, lower-case names
    void add(std::string_view name, std::string_view value) {
        fields.append(name).append(": ").append(value).append("\r\n");
    }
};

/// Sends the answer.  write() never waits: what the peer does not take yet is queued, and the
/// caller awaits drain() when congested() before it produces more.  After a false return the
/// exchange is over.
class Responder {
public:
    virtual ~Responder() = default;
    /// Fixes the head; it travels with the first write.  Once only.
    virtual void start(ResponseHead head) = 0;
    /// Sends body bytes, and the end of the message when `last`.  The bytes may be reused on
    /// return.
    [[nodiscard]] virtual bool write(std::span<const std::string_view> pieces, bool last) = 0;
    [[nodiscard]] virtual bool congested() const noexcept = 0;
    /// Suspends until everything written has been taken; false when the client is gone or too slow.
    [[nodiscard]] virtual Task<bool> drain() = 0;
    /// Ends the message visibly broken: HTTP/1.1 closes without the last chunk, HTTP/2 resets the
    /// stream.
    virtual void abort() noexcept = 0;
    [[nodiscard]] virtual bool started() const noexcept = 0;  ///< start() was called
};

/// Which of the gateway's doors a request came through.
enum class ListenerKind : std::uint8_t { api, metrics, admin };

/// One request and the means to answer it; the same for HTTP/1.1 and HTTP/2.
struct Exchange {
    RequestHead& head;
    BodySource& body;
    Responder& responder;
    Interrupt&
        interrupt;  ///< fired when the client goes away, a deadline passes or the process stops
    std::string_view client;  ///< the peer's address
    ListenerKind listener = ListenerKind::api;
    std::string_view certificate_subject = {};  ///< of the client's certificate; empty: none
    /// Not empty: a copy of a client's request, for this model (server/mirror.hpp).
    std::string_view shadow_model = {};
};

}  // namespace tollgate::server
