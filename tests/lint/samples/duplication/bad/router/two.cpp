// The same, elsewhere.

int first( int a ) {
    a += 11;
    a *= 12;
    a -= 13;
    a ^= 14;
    a |= 15;
    a &= 16;
    return a;
}
