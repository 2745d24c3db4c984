#include "server/linger.hpp"

#include "server/worker.hpp"

namespace tollgate::server {

Task<void> linger(Worker& worker, Channel& channel, Interrupt& interrupt,
                  InterruptDeadline& deadline) {
    // In all; a client that has seen the answer stops sending long before.
    constexpr std::chrono::seconds kPatience{3};
    channel.end_sending();
    if (interrupt.fired()) {
        co_return;
    }
    deadline.arm(Cause::idle_timeout, Reactor::now() + kPatience);
    while (!interrupt.fired()) {
        const std::span<char> scratch = worker.scratch();
        // Below TLS: nobody wants to know what it says.
        const IoResult result = channel.socket().read(scratch.data(), scratch.size());
        if (result.status == IoStatus::closed || result.status == IoStatus::failed) {
            co_return;
        }
        if (result.status == IoStatus::ok) {
            co_await worker.reactor().yield();  // however fast it sends, the others have their turn
        } else if (const Wake wake = co_await channel.socket().readable(interrupt);
                   wake == Wake::interrupted) {
            co_return;
        }
    }
}

}  // namespace tollgate::server
