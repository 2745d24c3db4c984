#include "server/upstream/replayed_call.hpp"

#include "tests/server/loop.hpp"
#include "tests/support/catch.hpp"

#include <string>
#include <vector>

using namespace tollgate;
using namespace tollgate::server;
using namespace tollgate::server::tests;

namespace {

/// Hands out its pieces, each in the same buffer, as calls do.
class Pieces final : public upstream::Call {
public:
    explicit Pieces(std::vector<std::string> pieces, bool whole = false)
        : pieces_(std::move(pieces)), whole_(whole) {}

    Task<Result<void>> connect(Interrupt&) override { co_return Result<void>(); }
    Task<Result<void>> send(const adapters::UpstreamRequest&, Interrupt&) override {
        co_return Result<void>();
    }
    Task<Result<void>> receive_head(upstream::CallHead&, Interrupt&) override {
        co_return Result<void>();
    }
    Task<Result<std::string_view>> receive(Interrupt& interrupt) override {
        if (interrupt.fired()) {
            co_return fail(FailureKind::upstream_unavailable, "disturbed");
        }
        buffer_ = next_ < pieces_.size() ? pieces_[next_++] : std::string();
        co_return std::string_view(buffer_);
    }
    std::optional<std::string_view> whole_at_once() override {
        if (!std::exchange(whole_, false)) {
            return std::nullopt;
        }
        next_ = pieces_.size();
        return pieces_.front();
    }
    bool is_complete() const noexcept override { return next_ == pieces_.size(); }

private:
    std::vector<std::string> pieces_;
    std::string buffer_;
    std::size_t next_ = 0;
    bool whole_;
};

Task<void> read(upstream::Call& call, std::size_t times, Interrupt& interrupt, std::string& out) {
    for (std::size_t i = 0; i < times; ++i) {
        const Result<std::string_view> bytes = co_await call.receive(interrupt);
        out.append("[").append(bytes ? *bytes : std::string_view("!")).append("]");
    }
}

}  // namespace

TEST_CASE("what was read before the rewind is read again, and then what follows") {
    for (std::size_t before = 0; before <= 4; ++before) {
        Loop loop;
        Interrupt interrupt(loop.reactor);
        std::string first;
        std::string again;
        bool complete = true;
        loop.run([&]() -> Task<void> {
            upstream::ReplayedCall call(
                std::make_unique<Pieces>(std::vector<std::string>{"a", "b", "c"}));
            co_await read(call, before, interrupt, first);
            call.rewind();
            complete = before > 0 && call.is_complete();
            co_await read(call, 4, interrupt, again);
            complete = complete || !call.is_complete();
        });
        INFO(before);
        CHECK(first == std::string("[a][b][c][]").substr(0, before < 4 ? 3 * before : 11));
        CHECK(again == "[a][b][c][]");
        CHECK_FALSE(complete);
    }
}

TEST_CASE("an interrupt that has fired does not disturb the call behind") {
    Loop loop;
    Interrupt interrupt(loop.reactor);
    std::string seen;
    loop.run([&]() -> Task<void> {
        upstream::ReplayedCall call(std::make_unique<Pieces>(std::vector<std::string>{"a", "b"}));
        co_await read(call, 1, interrupt, seen);
        interrupt.fire(Cause::elapsed);
        co_await read(call, 1, interrupt, seen);
        interrupt.reset();
        call.rewind();
        co_await read(call, 3, interrupt, seen);
    });
    CHECK(seen == "[a][!][a][b][]");
}

TEST_CASE("a body that came whole with its head comes whole again") {
    Loop loop;
    Interrupt interrupt(loop.reactor);
    std::string rest;
    loop.run([&]() -> Task<void> {
        upstream::ReplayedCall call(
            std::make_unique<Pieces>(std::vector<std::string>{"whole"}, true));
        CHECK(call.whole_at_once() == std::optional<std::string_view>("whole"));
        call.rewind();
        CHECK(call.whole_at_once() == std::optional<std::string_view>("whole"));
        co_await read(call, 1, interrupt, rest);
    });
    CHECK(rest == "[]");
}
