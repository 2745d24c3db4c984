// A call to an origin that may speak HTTP/2: a stream on a shared connection, or an HTTP/1.1 call
// where that is what the connection turns out to be.
#pragma once

#include "server/upstream/call.hpp"
#include "server/upstream/h1_call.hpp"
#include "server/upstream/h2_stream.hpp"
#include "server/upstream/pool.hpp"

#include <optional>
#include <span>

namespace tollgate::server::upstream {

class H2Call final : public Call {
public:
    /// `scratch` is the worker's read buffer, for the HTTP/1.1 call.
    H2Call(Pool& pool, Origin& origin, std::span<char> scratch) noexcept
        : pool_(pool), origin_(origin), scratch_(scratch) {}

    [[nodiscard]] bool connect_at_once() override;
    [[nodiscard]] Task<Result<void>> connect(Interrupt& interrupt) override;
    /// Queues the request; it is on its way when the turn of the event loop ends.  It goes out
    /// again on another connection where the vendor is known not to have acted on it, and once
    /// where a kept connection turns out to be dead.
    [[nodiscard]] Task<Result<void>> send(const adapters::UpstreamRequest& request,
                                          Interrupt& interrupt) override;
    [[nodiscard]] Task<Result<void>> receive_head(CallHead& head, Interrupt& interrupt) override;
    [[nodiscard]] Task<Result<std::string_view>> receive(Interrupt& interrupt) override;
    [[nodiscard]] std::optional<std::string_view> whole_at_once() override;
    [[nodiscard]] bool is_complete() const noexcept override;

private:
    void adopt(Lease lease);
    [[nodiscard]] bool may_resend() noexcept;
    [[nodiscard]] Task<Result<void>> resend(Interrupt& interrupt);

    Pool& pool_;
    Origin& origin_;
    std::span<char> scratch_;
    const adapters::UpstreamRequest* request_ = nullptr;
    H2Place place_;
    std::optional<H2Stream> stream_;
    std::optional<H1Call> h1_;
    const H2Session* failed_on_ = nullptr;  // to compare with, not to look into
    unsigned refusals_ = 0;
    unsigned wasted_ = 0;
};

}  // namespace tollgate::server::upstream
