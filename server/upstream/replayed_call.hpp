// A call whose first answer bytes are read twice: once to see whether they are good, once to send
// them on.
#pragma once

#include "server/upstream/call.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tollgate::server::upstream {

/// Takes over a call that has received its head.  Keeps what receive() and whole_at_once() hand out
/// until rewind(); from then on it hands out the same again, and then what follows.  An interrupt
/// that has fired before receive() does the call itself no harm.
class ReplayedCall final : public Call {
public:
    explicit ReplayedCall(std::unique_ptr<Call> call) : call_(std::move(call)) {}

    void rewind() noexcept;

    [[nodiscard]] Task<Result<void>> connect(Interrupt& interrupt) override;
    [[nodiscard]] Task<Result<void>> send(const adapters::UpstreamRequest& request,
                                          Interrupt& interrupt) override;
    [[nodiscard]] Task<Result<void>> receive_head(CallHead& head, Interrupt& interrupt) override;
    [[nodiscard]] Task<Result<std::string_view>> receive(Interrupt& interrupt) override;
    [[nodiscard]] std::optional<std::string_view> whole_at_once() override;
    [[nodiscard]] bool is_complete() const noexcept override;

private:
    std::unique_ptr<Call> call_;
    std::vector<std::string> kept_;
    std::optional<std::string_view> whole_;  // the call's own bytes, which live as long as it
    std::size_t next_ = 0;                   // of kept_, to be handed out again
    bool is_rewound_ = false;
    bool has_ended_ = false;
};

}  // namespace tollgate::server::upstream
