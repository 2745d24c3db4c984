extern constinit const Vendor inner{};
int f() {
    return 1;
}
