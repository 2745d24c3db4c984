// Workers as the process runs them: several threads behind one port, a reload, scrapes and a drain.
#include "server/worker.hpp"

#include "config/parse.hpp"
#include "server/listen.hpp"
#include "tests/server/fake_vendor.hpp"

#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace tollgate::server::tests {
namespace {

router::SnapshotPtr demo_snapshot(const metrics::Vocabulary* previous = nullptr) {
    const std::string yaml =
        "providers: {demo: {}}\nserver: {timeouts: {idle: 30s}}\nmodels: {smart: demo/demo-mini}\n";
    auto settings = config::parse(yaml, "test.yaml", config::empty_environment());
    REQUIRE(settings);
    router::BuildContext context;
    context.environment = config::empty_environment();
    context.previous_vocabulary = previous;
    auto snapshot = router::Snapshot::build(std::move(*settings), context);
    REQUIRE(snapshot);
    return *snapshot;
}

metrics::RegistryOptions registry_options() {
    metrics::RegistryOptions options;
    for (std::size_t kind = 0; kind < failover::kFailureKinds; ++kind) {
        options.shard.attempt_outcomes.emplace_back(
            failover::policy(static_cast<FailureKind>(kind)).name);
    }
    return options;
}

// Two workers and their threads; the destructor drains.
class Process {
public:
    Process() {
        metrics::LogOptions options;
        options.capture = [this](std::string_view text) {
            lines_.fetch_add(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')));
        };
        auto opened = metrics::Logger::open(std::move(options));
        REQUIRE(opened);
        logger_ = std::move(*opened);
        registry_ = std::make_unique<metrics::Registry>(registry_options());
        shared_.reset(new Shared{*registry_, *logger_});
        snapshot_ = demo_snapshot();
        registry_->set_vocabulary(snapshot_->shared_vocabulary());
        config::ListenAddress address;
        for (int i = 0; i < 2; ++i) {
            workers_.push_back(
                std::make_unique<Worker>(*shared_, registry_->add_shard(), snapshot_));
            const auto fd = open_listener(address, PortSharing::shared);
            REQUIRE(fd);
            address.port = bound_port(*fd);
            workers_.back()->listen(*fd, ListenerKind::api);
        }
        port_ = address.port;
        for (const auto& worker : workers_) {
            threads_.emplace_back([&worker] { worker->run(); });
        }
        shared_->ready.store(true);
    }
    ~Process() { stop(); }

    void drain(Clock::duration grace) {
        for (const auto& worker : workers_) {
            worker->drain(grace);
        }
    }
    void stop() {
        drain(std::chrono::seconds(10));
        threads_.clear();  // joins
        workers_.clear();
    }
    void reload() {
        snapshot_ = demo_snapshot(&snapshot_->vocabulary());
        registry_->set_vocabulary(snapshot_->shared_vocabulary());
        for (const auto& worker : workers_) {
            worker->adopt(snapshot_);
        }
    }
    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] metrics::Registry& registry() { return *registry_; }
    [[nodiscard]] std::size_t lines() const { return lines_.load(); }
    [[nodiscard]] std::size_t clients() const { return shared_->client_connections.load(); }

private:
    std::atomic<std::size_t> lines_{0};
    std::unique_ptr<metrics::Logger> logger_;
    std::unique_ptr<metrics::Registry> registry_;
    std::unique_ptr<Shared> shared_;
    router::SnapshotPtr snapshot_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::vector<std::jthread> threads_;
    std::uint16_t port_ = 0;
};

// A blocking client; never hangs for more than a while.
class Client {
public:
    explicit Client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port);
        const timeval patience{.tv_sec = 30, .tv_usec = 0};
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        connected_ =
            ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    }
    [[nodiscard]] bool connected() const { return connected_; }
    [[nodiscard]] bool send(std::string_view bytes) const {
        return ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
               static_cast<ssize_t>(bytes.size());
    }
    /// One whole answer; what came of it when the connection ended before.
    std::string receive() {
        std::string answer;
        std::array<char, 4096> buffer;
        while (!is_whole(answer)) {
            const ssize_t n = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
            if (n <= 0) {
                break;
            }
            answer.append(buffer.data(), static_cast<std::size_t>(n));
        }
        return answer;
    }
    [[nodiscard]] static bool is_whole(const std::string& answer) {
        const std::size_t end = answer.find("\r\n\r\n");
        if (end == std::string::npos) {
            return false;
        }
        const std::size_t length = answer.find("content-length: ");
        if (length < end) {
            return answer.size() >=
                   end + 4 + std::strtoul(answer.c_str() + length + 16, nullptr, 10);
        }
        return answer.ends_with("\r\n0\r\n\r\n");
    }

private:
    Fd fd_;
    bool connected_ = false;
};

std::string chat(std::string_view model, std::string_view more = "") {
    const std::string body = R"({"model":")" + std::string(model) +
                             R"(","messages":[{"role":"user","content":"hi"}])" +
                             std::string(more) + "}";
    return "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Type: "
           "application/json\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
}

const std::string kModels = "GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n";

// The n-th request of a mix, and what its answer must have.
std::pair<std::string, std::string_view> request_of(int n) {
    switch (n % 5) {
        case 0:
            return {chat("demo/demo-1"), "\"chat.completion\""};
        case 1:
            return {chat("smart", R"(,"stream":true)"), "data: [DONE]"};
        case 2:
            return {kModels, "demo/demo-mini"};
        case 3:
            return {
                chat("demo/demo-1", R"(,"stream":true,"stream_options":{"include_usage":true})"),
                "\"usage\":{"};
        default:
            return {"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK"};
    }
}

}  // namespace

TEST_CASE(
    "workers behind one port answer all while the configuration is reloaded and metrics are "
    "scraped",
    "[threads]") {
    constexpr int kClients = 4;
    constexpr int kRequests = 60;
    Process process;
    std::atomic<int> good{0};
    std::atomic<bool> done{false};
    std::jthread reloader([&] {
        while (!done.load()) {
            process.reload();
            std::this_thread::yield();
        }
    });
    std::jthread scraper([&] {
        while (!done.load()) {
            const std::string text = process.registry().exposition(metrics::Format::text);
            if (text.find("tollgate_build_info") == std::string::npos) {
                good.store(-1'000'000);
            }
        }
    });
    {
        std::vector<std::jthread> clients;
        for (int c = 0; c < kClients; ++c) {
            clients.emplace_back([&, c] {
                for (int i = 0; i < kRequests;) {
                    Client client(process.port());
                    for (int kept = 0; kept < 10 && i < kRequests;
                         ++kept, ++i) {  // ten to a connection
                        const auto [request, part] = request_of(c + i);
                        const std::string answer =
                            client.send(request) ? client.receive() : std::string();
                        good += Client::is_whole(answer) && answer.find(part) != std::string::npos
                                    ? 1
                                    : 0;
                    }
                }
            });
        }
    }
    done.store(true);
    reloader.join();
    scraper.join();
    CHECK(good.load() == kClients * kRequests);
    process.stop();
    CHECK(process.clients() == 0);
    const std::string text = process.registry().exposition(metrics::Format::text);
    CHECK(text.find("endpoint=\"chat\"") != std::string::npos);
}

TEST_CASE("a drain answers what has begun and cuts no answer", "[threads]") {
    Process process;
    constexpr int kClients = 4;
    std::array<std::atomic<int>, kClients> whole{};
    std::atomic<int> broken{0};
    std::vector<std::jthread> clients;
    for (int c = 0; c < kClients; ++c) {
        clients.emplace_back([&, c] {
            Client client(process.port());
            for (int i = 0; i < 1'000'000; ++i) {
                const auto [request, part] = request_of(i);
                const std::string answer = client.send(request) ? client.receive() : std::string();
                if (answer.empty()) {
                    return;  // closed between two requests, as the end of a drain does
                }
                if (!Client::is_whole(answer) || answer.find(part) == std::string::npos) {
                    ++broken;
                    return;
                }
                ++whole[static_cast<std::size_t>(c)];
                if (answer.find("connection: close") != std::string::npos) {
                    return;
                }
            }
        });
    }
    for (const auto& count : whole) {  // everybody is in the midst of it
        while (count.load() < 5 && broken.load() == 0) {
            std::this_thread::yield();
        }
    }
    const Clock::time_point start = Clock::now();
    process.stop();
    CHECK(Clock::now() - start < std::chrono::seconds(9));  // none had to be cut
    clients.clear();
    CHECK(broken.load() == 0);
    CHECK(process.clients() == 0);
    CHECK_FALSE(Client(process.port()).connected());
}

TEST_CASE("a drain whose grace is over cuts what still runs", "[threads]") {
    Process process;
    Client slow(process.port());
    REQUIRE(
        slow.send("POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"));
    Client idle(process.port());
    REQUIRE(idle.send(kModels));
    CHECK(Client::is_whole(idle.receive()));
    process.drain(milliseconds(20));
    CHECK_FALSE(Client::is_whole(slow.receive()));  // it ends; nothing more can be said
    CHECK(idle.receive().empty());
    process.stop();
    CHECK(process.clients() == 0);
}

TEST_CASE("two cannot listen on one port unless both agree", "[threads]") {
    config::ListenAddress address;
    const auto first = open_listener(address, PortSharing::exclusive);
    REQUIRE(first);
    const Fd own(*first);
    address.port = bound_port(own.get());
    CHECK(address.port != 0);
    const auto second = open_listener(address, PortSharing::shared);
    REQUIRE_FALSE(second);
    CHECK(second.error().find(to_string(address)) != std::string::npos);
    config::ListenAddress name;
    name.host = "not-an-address";
    CHECK_FALSE(open_listener(name, PortSharing::exclusive));
}

}  // namespace tollgate::server::tests
