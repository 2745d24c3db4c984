int outer(int total) {  // expect
    const auto inner = [&](int more) {
    total += 0;
    total += 1;
    total += 2;
    total += 3;
    total += 4;
    total += 5;
    total += 6;
    total += 7;
    total += 8;
    total += 9;
        return more;
    };
    return inner(total);
}
