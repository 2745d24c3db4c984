// A call over HTTP/1.1 on a pooled connection.
#pragma once

#include "server/io/frame_cache.hpp"
#include "server/upstream/call.hpp"
#include "server/upstream/pool.hpp"
#include "server/upstream/response_parser.hpp"

#include <memory>
#include <span>
#include <string>

namespace tollgate::server::upstream {

class H1Call final : public Call {
public:
    /// `scratch` is the worker's read buffer, shared by all calls: views into it die at the next
    /// await.
    H1Call(Pool& pool, Origin& origin, std::span<char> scratch) noexcept
        : pool_(pool), origin_(origin), scratch_(scratch) {}
    /// On a connection that is there already.
    H1Call(Pool& pool, Origin& origin, std::span<char> scratch,
           std::unique_ptr<Connection> connection) noexcept
        : pool_(pool), origin_(origin), scratch_(scratch), connection_(std::move(connection)) {}
    ~H1Call() override;

    static void* operator new(std::size_t size) { return allocate_frame(size); }
    static void operator delete(void* call, std::size_t size) noexcept { free_frame(call, size); }

    [[nodiscard]] bool connect_at_once() override;
    [[nodiscard]] Task<Result<void>> connect(Interrupt& interrupt) override;
    /// The request may go out twice: again on a fresh connection when a kept one turns out to be
    /// dead.
    [[nodiscard]] Task<Result<void>> send(const adapters::UpstreamRequest& request,
                                          Interrupt& interrupt) override;
    [[nodiscard]] Task<Result<void>> receive_head(CallHead& head, Interrupt& interrupt) override;
    [[nodiscard]] Task<Result<std::string_view>> receive(Interrupt& interrupt) override;
    [[nodiscard]] std::optional<std::string_view> whole_at_once() override;
    [[nodiscard]] bool is_complete() const noexcept override { return ended_ && !has_early_; }

private:
    enum class Sent : std::uint8_t { yes, dead, interrupted };
    [[nodiscard]] Task<Sent> send_on(Connection& connection, Interrupt& interrupt);
    [[nodiscard]] Task<Result<void>> resend(Interrupt& interrupt);
    [[nodiscard]] bool may_retry_fresh() const noexcept;
    [[nodiscard]] bool take_body(char* data, std::size_t size, ResponseParser::BodyStep& step);
    void finish() noexcept;

    Pool& pool_;
    Origin& origin_;
    std::span<char> scratch_;
    std::unique_ptr<Connection> connection_;
    const adapters::UpstreamRequest* request_ = nullptr;
    ResponseParser parser_;
    std::string received_;  // bytes of an incomplete head; then body bytes that came with the head
    bool has_early_ = false;  // received_ holds body bytes not yet handed out
    unsigned unyielded_ = 0;
    bool any_received_ = false;
    bool retried_ = false;
    bool ended_ = false;
    bool clean_ = true;  // the connection is in step and may be kept
};

}  // namespace tollgate::server::upstream
