#include "server/upstream/h2_call.hpp"

namespace tollgate::server::upstream {
namespace {

// A vendor that is restarted, or that ends each connection after some requests (nginx's
// keepalive_requests), turns away what was on its way; under load that meets the same request more
// than once.
constexpr unsigned kMostRefusals = 64;
// Of these, on connections that have served nobody, or that were found dead: as over HTTP/1.1.
constexpr unsigned kMostWasted = 1;

}  // namespace

void H2Call::adopt(Lease lease) {
    if (lease.h1) {
        h1_.emplace(pool_, origin_, scratch_, std::move(lease.h1));
    }
    place_ = std::move(lease.h2);
}

bool H2Call::connect_at_once() {
    Lease lease = pool_.take(origin_);
    const bool found = static_cast<bool>(lease);
    adopt(std::move(lease));
    return found;
}

Task<Result<void>> H2Call::connect(Interrupt& interrupt) {
    Result<Lease> lease = co_await pool_.acquire_either(origin_, failed_on_, interrupt);
    if (!lease) {
        co_return std::unexpected(std::move(lease.error()));
    }
    adopt(std::move(*lease));
    co_return Result<void>();
}

Task<Result<void>> H2Call::send(const adapters::UpstreamRequest& request, Interrupt& interrupt) {
    request_ = &request;
    while (!h1_) {
        failed_on_ = place_.session();
        stream_.emplace();
        stream_->open(std::move(place_), request);
        if (stream_->failure() == nullptr) {
            co_return Result<void>();
        }
        if (!may_resend()) {
            co_return std::unexpected(*stream_->failure());
        }
        Result<void> connected = co_await connect(interrupt);
        if (!connected) {
            co_return connected;
        }
    }
    co_return co_await h1_->send(request, interrupt);
}

bool H2Call::may_resend() noexcept {
    switch (stream_->fate()) {
        case H2Stream::Fate::unknown:
            return false;
        case H2Stream::Fate::unheard:
            return wasted_++ < kMostWasted;
        case H2Stream::Fate::unprocessed:
            return refusals_++ < kMostRefusals &&
                   (!stream_->was_first() || wasted_++ < kMostWasted);
    }
    return false;
}

Task<Result<void>> H2Call::resend(Interrupt& interrupt) {
    stream_.reset();
    Result<void> connected = co_await connect(interrupt);
    if (!connected) {
        co_return connected;
    }
    co_return co_await send(*request_, interrupt);
}

Task<Result<void>> H2Call::receive_head(CallHead& head, Interrupt& interrupt) {
    while (!h1_) {
        if (stream_->failure() != nullptr) {
            if (!may_resend()) {
                co_return std::unexpected(*stream_->failure());
            }
            Result<void> again = co_await resend(interrupt);
            if (!again) {
                co_return again;
            }
            continue;
        }
        // A vendor that answers well reads the whole request, which may go when this returns.  One
        // that refuses it need not, and then the rest is of no use.
        if (stream_->has_head() &&
            (stream_->upload_done() || stream_->has_ended() || stream_->head().status >= 300)) {
            stream_->abandon_upload();
            head = std::move(stream_->head());
            co_return Result<void>();
        }
        const Wake wake = co_await stream_->wait(interrupt);
        if (wake == Wake::interrupted) {
            co_return fail(FailureKind::upstream_timeout,
                           "interrupted while waiting for the answer");
        }
    }
    co_return co_await h1_->receive_head(head, interrupt);
}

std::optional<std::string_view> H2Call::whole_at_once() {
    if (h1_) {
        return h1_->whole_at_once();
    }
    if (!stream_->has_ended() || !stream_->has_bytes()) {
        return std::nullopt;
    }
    return stream_->take();
}

Task<Result<std::string_view>> H2Call::receive(Interrupt& interrupt) {
    if (h1_) {
        co_return co_await h1_->receive(interrupt);
    }
    stream_->give_back_window();
    for (;;) {
        if (stream_->has_bytes()) {
            co_return stream_->take();
        }
        if (stream_->has_ended()) {
            co_return std::string_view();
        }
        if (stream_->failure() != nullptr) {
            co_return std::unexpected(*stream_->failure());
        }
        const Wake wake = co_await stream_->wait(interrupt);
        if (wake == Wake::interrupted) {
            co_return fail(FailureKind::upstream_timeout, "interrupted while reading the answer");
        }
    }
}

bool H2Call::is_complete() const noexcept {
    return h1_ ? h1_->is_complete() : stream_ && stream_->has_ended() && !stream_->has_bytes();
}

}  // namespace tollgate::server::upstream
