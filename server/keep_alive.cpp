// SSE comments to a client whose stream is silent, so that neither it nor a proxy between gives up.
#include "server/dispatch.hpp"
#include "server/worker.hpp"

namespace tollgate::server {

// Looks after the stream at most once per interval; an event in between costs nothing, its time is
// compared when the interval is over.
class Dispatch::KeepAlive final : public Deadline {
public:
    KeepAlive(Reactor& reactor, Dispatch& dispatch, Clock::duration interval)
        : Deadline(reactor), dispatch_(dispatch), interval_(interval) {}

    [[nodiscard]] Clock::duration interval() const noexcept { return interval_; }

private:
    void expired() override {
        const Clock::time_point now = Reactor::now();
        // The vendor's bytes go on to the client as they come, so the last read is the last write.
        const Clock::time_point heard =
            dispatch_.report_.committed ? dispatch_.report_.last_read : Clock::time_point();
        if (heard + interval_ > now) {
            set(heard + interval_);
        } else if (dispatch_.send_comment()) {
            set(now + interval_);
        }
    }
    Dispatch& dispatch_;
    Clock::duration interval_;
};

void Dispatch::KeepAliveDeleter::operator()(KeepAlive* keep_alive) const noexcept {
    delete keep_alive;
}

void Dispatch::start_keep_alive() {
    const auto interval = snapshot_->settings().server.timeouts.keep_alive;
    if (!request_.stream || interval.count() == 0 ||
        request_.operation == adapters::Operation::embeddings) {
        return;
    }
    keep_alive_.reset(new KeepAlive(worker_.reactor(), *this, interval));
    keep_alive_->set(record_.started + interval);
}

void Dispatch::stop_keep_alive() noexcept {
    keep_alive_.reset();
}

// Between two events always: whole events go out in one write.  Before the first one the answer
// begins with the comment: its head says that a stream follows, and whatever fails from now on is
// told in the stream.  Other attempts are still made, for no content has been sent.  False: the
// client is gone.
bool Dispatch::send_comment() {
    constexpr std::string_view kComment = ": keep-alive\n\n";
    if (x_.responder.congested()) {
        return true;  // it has enough to read
    }
    if (!x_.responder.started()) {
        ResponseHead head;
        head.add("content-type", "text/event-stream; charset=utf-8");
        head.add("date", worker_.http_date());
        head.add("cache-control", "no-cache");
        add_own_fields(head);
        record_.status = head.status;
        x_.responder.start(std::move(head));
    }
    report_.bytes_out += kComment.size();
    return x_.responder.write(std::span(&kComment, 1), false);
}

}  // namespace tollgate::server
