#include "server/io/channel.hpp"

#include "server/io/give_back.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>

namespace tollgate::server {

void Channel::close() noexcept {
    if (ssl_ && socket_.is_open()) {
        SSL_shutdown(ssl_.get());  // one close_notify, best effort; a blocked socket just loses it
        ERR_clear_error();
    }
    ssl_.reset();
    socket_.close();
}

void Channel::cut() noexcept {
    ssl_.reset();
    socket_.close();
}

void Channel::end_sending() noexcept {
    if (!socket_.is_open()) {
        return;
    }
    if (ssl_) {
        SSL_shutdown(ssl_.get());
        ERR_clear_error();
    }
    ::shutdown(socket_.fd(), SHUT_WR);
}

void Channel::reset() noexcept {
    if (socket_.is_open()) {
        const linger hard{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(socket_.fd(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    }
    ssl_.reset();
    socket_.close();
}

IoResult Channel::tls_result(int result) noexcept {
    switch (SSL_get_error(ssl_.get(), result)) {
        case SSL_ERROR_WANT_READ:
            socket_.note_read({.status = IoStatus::want_read}, 1);
            return {.status = IoStatus::want_read};
        case SSL_ERROR_WANT_WRITE:
            socket_.note_blocked();
            return {.status = IoStatus::want_write};
        case SSL_ERROR_ZERO_RETURN:
            return {.status = IoStatus::closed};
        case SSL_ERROR_SYSCALL:
            return {.status = IoStatus::failed, .error = errno != 0 ? errno : ECONNRESET};
        default:
            return {.status = IoStatus::failed, .error = EPROTO};
    }
}

IoResult Channel::read(char* data, std::size_t size) noexcept {
    if (!ssl_) {
        return socket_.read(data, size);
    }
    ERR_clear_error();
    errno = 0;
    std::size_t n = 0;
    const int result = SSL_read_ex(ssl_.get(), data, size, &n);
    if (result == 1) {
        // Drain the whole record layer: what OpenSSL holds would not wake the reactor again.
        while (n < size && SSL_pending(ssl_.get()) > 0) {
            std::size_t more = 0;
            if (SSL_read_ex(ssl_.get(), data + n, size - n, &more) != 1) {
                break;
            }
            n += more;
        }
        return {.status = IoStatus::ok, .bytes = n};
    }
    return tls_result(result);
}

IoResult Channel::write(std::span<const iovec> pieces) noexcept {
    if (!ssl_) {
        return socket_.write(pieces);
    }
    // One TLS record for the small pieces of a message: head, size line and body in one write.
    thread_local std::array<char, 16 * 1024> record;
    std::size_t filled = 0;
    for (const iovec& p : pieces) {
        const std::size_t take = std::min(p.iov_len, record.size() - filled);
        std::memcpy(record.data() + filled, p.iov_base, take);
        filled += take;
        if (filled == record.size()) {
            break;
        }
    }
    if (filled == 0) {
        return {.status = IoStatus::ok};
    }
    ERR_clear_error();
    errno = 0;
    std::size_t n = 0;
    const int result = SSL_write_ex(ssl_.get(), record.data(), filled, &n);
    return result == 1 ? IoResult{.status = IoStatus::ok, .bytes = n} : tls_result(result);
}

Task<IoResult> Channel::handshake(SslPtr ssl, Interrupt& interrupt) {
    if (ssl_) {  // TLS inside TLS: towards a vendor through an https:// proxy
        BIO* const layer = BIO_new(BIO_f_ssl());
        if (layer == nullptr) {
            co_return IoResult{.status = IoStatus::failed, .error = ENOMEM};
        }
        BIO_set_ssl(layer, ssl_.release(), BIO_CLOSE);
        SSL_set_bio(ssl.get(), layer, layer);
    }
    ssl_ = std::move(ssl);
    for (;;) {
        ERR_clear_error();
        errno = 0;
        const int result = SSL_do_handshake(ssl_.get());
        if (result == 1) {
            co_return IoResult{.status = IoStatus::ok};
        }
        const IoResult outcome = tls_result(result);
        if (outcome.status == IoStatus::closed || outcome.status == IoStatus::failed) {
            co_return outcome;
        }
        const Wake wake = co_await wait(outcome.status, interrupt);
        if (wake == Wake::interrupted) {
            co_return IoResult{.status = IoStatus::failed, .error = ECANCELED};
        }
    }
}

bool Channel::session_resumed() const noexcept {
    return ssl_ && SSL_session_reused(ssl_.get()) == 1;
}

std::string_view Channel::alpn() const noexcept {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    if (ssl_) {
        SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    }
    return {reinterpret_cast<const char*>(name), size};
}

bool WriteQueue::write(Channel& channel, std::span<const iovec> pieces) {
    std::array<iovec, 16> left;
    std::size_t count = 0;
    if (queued() == 0) {
        std::size_t index = 0;
        std::size_t skip = 0;  // bytes of pieces[index] already taken by the kernel
        while (index < pieces.size()) {
            count = 0;
            for (std::size_t i = index; i < pieces.size() && count < left.size(); ++i) {
                left[count++] = pieces[i];
            }
            left[0].iov_base = static_cast<char*>(left[0].iov_base) + skip;
            left[0].iov_len -= skip;
            const IoResult result = channel.write(std::span(left.data(), count));
            if (result.status != IoStatus::ok) {
                if (result.status == IoStatus::want_write || result.status == IoStatus::want_read) {
                    blocked_ = result.status;
                    break;
                }
                error_ = result.error != 0 ? result.error : EPIPE;
                return false;
            }
            std::size_t done = result.bytes + skip;
            while (index < pieces.size() && done >= pieces[index].iov_len) {
                done -= pieces[index++].iov_len;
            }
            skip = done;
        }
        for (; index < pieces.size(); ++index, skip = 0) {
            pending_.append(static_cast<const char*>(pieces[index].iov_base) + skip,
                            pieces[index].iov_len - skip);
        }
        return true;
    }
    for (const iovec& p : pieces) {
        pending_.append(static_cast<const char*>(p.iov_base), p.iov_len);
    }
    return true;
}

bool WriteQueue::flush(Channel& channel) {
    while (queued() > 0) {
        const iovec rest = piece(std::string_view(pending_).substr(sent_));
        const IoResult result = channel.write(std::span(&rest, 1));
        if (result.status == IoStatus::ok) {
            sent_ += result.bytes;
            continue;
        }
        if (result.status == IoStatus::want_write || result.status == IoStatus::want_read) {
            blocked_ = result.status;
            return true;
        }
        error_ = result.error != 0 ? result.error : EPIPE;
        return false;
    }
    give_back(pending_);  // most streams never queue again
    sent_ = 0;
    return true;
}

Task<bool> WriteQueue::drain_some(Channel& channel, Interrupt& interrupt) {
    if (queued() == 0) {
        co_return true;
    }
    const Wake wake = co_await channel.wait(blocked_, interrupt);
    co_return wake == Wake::ready&& flush(channel);
}

}  // namespace tollgate::server
