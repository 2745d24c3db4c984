#include "server/background.hpp"

namespace tollgate::server {

void Background::start(std::unique_ptr<BackgroundJob> job) {
    tasks_.spawn(run(std::move(job)));
}

Task<void> Background::run(std::unique_ptr<BackgroundJob> job) {
    struct Listed {
        std::unordered_set<BackgroundJob*>& jobs;
        BackgroundJob* job;
        ~Listed() { jobs.erase(job); }
    };
    jobs_.insert(job.get());
    const Listed listed{jobs_, job.get()};
    co_await job->run();
}

Task<void> Background::stop() {
    for (BackgroundJob* const job : jobs_) {
        job->interrupt.fire(Cause::shutdown);
    }
    Interrupt never(reactor_);
    static_cast<void>(co_await tasks_.wait_empty(never));
}

}  // namespace tollgate::server
