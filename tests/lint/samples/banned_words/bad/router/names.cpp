class RouteManager {};  // expect
struct TableHelper {};  // expect
enum class UtilKind { a };  // expect
using TableImpl = int;  // expect
struct CommonState {};  // expect
namespace tollgate::detail::impl {}  // expect
int read(Result<int>& r) { return r.value(); }  // expect
void start(std::thread& t) { t.detach(); }  // expect
void spawn() { co_spawn(io, run(), detached); }  // expect
const char* path = "/work/main";  // expect
