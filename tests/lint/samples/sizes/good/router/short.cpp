namespace tollgate::router {
namespace {
constexpr int kTable[] = {
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
};
}  // namespace
int first() {
    return kTable[0];
}
int seventh(int a,
            int b) {
    if (a > b) {
        return kTable[6];
    }
    return b;
}
}  // namespace tollgate::router
