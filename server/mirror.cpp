#include "server/mirror.hpp"

#include "server/discarding_responder.hpp"
#include "server/dispatch.hpp"
#include "server/worker.hpp"

#include <array>
#include <string>

namespace tollgate::server {
namespace {

// Of one worker: what a slow shadow may hold of memory and connections.
constexpr std::size_t kMostUnderWay = 64;

/// The client that is not there: it has sent everything and takes everything.
class Mirrored final : public BackgroundJob, private BodySource, private DiscardingResponder {
public:
    Mirrored(Worker& worker, const Exchange& exchange, std::string_view body,
             const config::Shadow& shadow)
        : BackgroundJob(worker.reactor()),
          worker_(worker),
          path_(exchange.head.path),
          body_(body),
          client_(exchange.client),
          model_(shadow.model) {
        head_.method = "POST";
        head_.target = head_.path = path_;
        // What vendors are told and what steers an attempt; nothing that names the caller.
        for (const std::string_view name : kKept) {
            if (const std::string_view value = exchange.head.find(name); !value.empty()) {
                fields_.emplace_back(std::string(name), std::string(value));
            }
        }
        for (const auto& [name, value] : fields_) {
            head_.fields.push_back({.name = name, .value = value});
        }
    }

    Task<void> run() override {
        // After whatever the client's own exchange has to do now.
        co_await worker_.reactor().yield();
        Exchange exchange{.head = head_,
                          .body = *this,
                          .responder = *this,
                          .interrupt = interrupt,
                          .client = client_,
                          .shadow_model = model_};
        co_await worker_.dispatch(exchange);
    }

private:
    static constexpr std::array<std::string_view, 4> kKept{"content-type", "x-tollgate-timeout",
                                                           "openai-beta", "anthropic-beta"};

    bool take_at_once(BodyBuffer& out) override {
        out.append(body_);
        body_ = {};
        return true;
    }
    Task<Result<void>> read_all(BodyBuffer&, std::uint64_t) override { co_return Result<void>(); }

    Worker& worker_;
    RequestHead head_;
    std::string path_;
    std::vector<std::pair<std::string, std::string>> fields_;
    std::string body_;
    std::string client_;
    std::string model_;
};

}  // namespace

void mirror(Worker& worker, const Exchange& exchange, std::string_view body,
            const config::Shadow& shadow) {
    if (worker.draining() || worker.background().size() >= kMostUnderWay) {
        return;
    }
    worker.background().start(std::make_unique<Mirrored>(worker, exchange, body, shadow));
}

}  // namespace tollgate::server
