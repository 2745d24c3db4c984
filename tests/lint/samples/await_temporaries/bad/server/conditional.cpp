Task<std::string> either(bool first) {
    const std::string text = first ? co_await one() : co_await two();  // expect
    co_return first ? co_await one() : text;  // expect
}
Task<void> argument(bool first) {
    use(first ? co_await one() : empty());  // expect
    use(co_await one() ? "a" : "b");  // expect
}
