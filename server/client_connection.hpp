// What a worker asks of the connections of its clients, whatever they speak.
#pragma once

namespace tollgate::server {

/// Known to its worker from Worker::enter() to Worker::leave().
class ClientConnection {
public:
    /// The process is stopping: an idle connection closes now, a busy one after its answers.
    virtual void drain() noexcept = 0;
    /// The grace time is over.
    virtual void cut() noexcept = 0;

protected:
    ~ClientConnection() = default;
};

}  // namespace tollgate::server
