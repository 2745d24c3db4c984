// A Manager, an Impl and r.value() in a comment are prose.
class Implicit {};
struct Utilization {};
struct Commonality {};
int read(const std::optional<int>& r) { return r.value_or(1); }
int peek(Object object) { for (auto field : object) { return field.value(); } return 0; }
bool semidetached = true;
const char* path = "/v1/work/orders";
