// The client that is not there.
#pragma once

#include "server/exchange.hpp"

namespace tollgate::server {

/// Takes everything at once and passes nothing on.
class DiscardingResponder : public Responder {
public:
    void start(ResponseHead) override { started_ = true; }
    [[nodiscard]] bool write(std::span<const std::string_view>, bool) override { return true; }
    [[nodiscard]] bool congested() const noexcept override { return false; }
    [[nodiscard]] Task<bool> drain() override { co_return true; }
    void abort() noexcept override {}
    [[nodiscard]] bool started() const noexcept override { return started_; }

private:
    bool started_ = false;
};

}  // namespace tollgate::server
