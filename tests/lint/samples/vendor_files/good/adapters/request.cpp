int peek() {
    return 1;
}
