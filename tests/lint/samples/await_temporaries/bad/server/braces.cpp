#include "server/io/task.hpp"

Task<void> typed(Pool& pool) {
    co_await pool.open(Options{.host = "a"});  // expect
}
Task<void> bare(Pool& pool) {
    co_await pool.open({.host = "a"});  // expect
}
Task<int> returned(Pool& pool) {
    co_return co_await pool.open(Options{.host = "a"});  // expect
}
Task<void> over_lines(Pool& pool) {
    const auto line = co_await pool.open(
        name(), Options{.host = "a",  // expect
                        .port = 1});
    if (co_await pool.open(Options{})) {  // expect
        while (co_await pool.open({1, 2})) {  // expect
        }
    }
}
Task<void> list(Pool& pool) {
    for (int i = 0; i < 3; ++i) {
        co_await pool.send({1, 2, 3});  // expect
    }
}
