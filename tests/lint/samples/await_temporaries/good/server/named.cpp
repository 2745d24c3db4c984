#include "server/io/task.hpp"

struct Options {
    std::string host{};
    int port = 0;
};

namespace tollgate::server {

Session::Session(int a) : a_{a}, b_{a, {1, 2}} {}

Task<void> named(Pool& pool, bool first) {
    Options options{.host = "a"};
    co_await pool.open(std::move(options));
    co_await pool.send(std::string("text"), std::vector<int>(3, 0));
    const auto [ec, n] = co_await pool.read();
    auto& [x, y] = pair_of(co_await pool.read());
    if (auto r = co_await pool.read(); !r) {
        use(Options{.host = first ? "a" : "b"});
    } else if (n[0] > 1) {
        co_return;
    }
    const char* name = first ? "a" : "b";
    co_await pool.open(first ? 1 : 2, f(co_await g()));   // ?: over ints, and no await inside it
    // co_await pool.open({.host = "a"});
    log("co_await f({1})");
    const auto body = [&]() -> Task<void> {
        co_await nap();
    };
    co_await body();
    group.spawn([this] { return tick(); });
    switch (n) {
        case 1: {
            co_await nap();
            break;
        }
        default:
            break;
    }
    [[maybe_unused]] const int z = co_await pool.count();
    for (;;) {
        co_await nap();
    }
}

auto plain() -> Task<int> {
    co_return 1;
}

}  // namespace tollgate::server
