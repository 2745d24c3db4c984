void write() {
    line.text("ts", clock);
    line.number(
        "status", status);
}
