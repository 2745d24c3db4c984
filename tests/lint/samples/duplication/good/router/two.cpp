int first(int a) {
    a += 11;
    a *= 12;
    a -= 31;
    a ^= 14;
    a %= 51;
    a &= 16;
    return a;
}
