// A call to the built-in demo vendor: no network, the same life as any other call, faults on
// demand.
#pragma once

#include "adapters/demo/faults.hpp"
#include "adapters/demo/packed_events.hpp"
#include "server/exchange.hpp"
#include "server/io/reactor.hpp"
#include "server/upstream/call.hpp"

#include <string>
#include <vector>

namespace tollgate::server::upstream {

class DemoCall final : public Call {
public:
    struct Options {
        demo::DemoPlan plan;
        std::uint32_t attempt = 0;  ///< counted from 0 within the request
        adapters::Operation operation = adapters::Operation::chat;
        std::string model;
        std::int64_t created = 0;
    };
    DemoCall(Reactor& reactor, Options options) : reactor_(reactor), options_(std::move(options)) {}

    [[nodiscard]] bool connect_at_once() override { return true; }
    [[nodiscard]] Task<Result<void>> connect(Interrupt& interrupt) override;
    [[nodiscard]] Task<Result<void>> send(const adapters::UpstreamRequest& request,
                                          Interrupt& interrupt) override;
    [[nodiscard]] Task<Result<void>> receive_head(CallHead& head, Interrupt& interrupt) override;
    [[nodiscard]] Task<Result<std::string_view>> receive(Interrupt& interrupt) override;
    [[nodiscard]] bool is_complete() const noexcept override;

private:
    void compose(const adapters::UpstreamRequest& request);
    [[nodiscard]] std::vector<std::string> pieces(const adapters::UpstreamRequest& request);
    Reactor& reactor_;
    Options options_;
    demo::Fault fault_ = demo::Fault::none;
    unsigned status_ = 200;
    bool streams_ = false;
    std::string retry_after_;
    demo::PackedEvents pieces_;  // the body, in the pieces in which it is handed out
    std::size_t next_ = 0;
    std::size_t cut_at_ = static_cast<std::size_t>(-1);  // pieces before the connection "breaks"
};

}  // namespace tollgate::server::upstream
