Task<void> reference(Group& group, int n) {
    co_await group.run([&]() -> Task<void> { co_await nap(); });  // expect
    co_await group.run([n] { return n; });  // expect
    co_await [&]() -> Task<void> {  // expect
        co_await nap();
    }();
    group.spawn([&]() -> Task<void> {
        co_await group.open({.host = "a"});  // expect
        co_return;
    });
}
