namespace tollgate::router {
struct Table {
    int fold(int total) const noexcept {  // expect
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
        return total;
    }
};
int short_one() {
    return 1;
}
}  // namespace tollgate::router
