// A head has one verdict: what is accepted is accepted at no earlier byte and whatever follows;
// what is refused stays so; and the parser behind sees the same fields as the guard let through.
#include "server/exchange.hpp"
#include "server/h1/guard.hpp"
#include "server/h1/head_parser.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace tollgate::server;
using h1::GuardVerdict;
using State = GuardVerdict::State;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

void check_parsed(std::string_view head, const GuardVerdict& verdict) {
    RequestHead parsed;
    if (!h1::parse_head(head, parsed)) {
        return;
    }
    const auto lines = static_cast<std::size_t>(std::count(head.begin(), head.end(), '\n'));
    require(parsed.fields.size() + 2 == lines);
    std::size_t codings = 0;
    std::size_t lengths = 0;
    std::size_t hosts = 0;
    for (const Field& field : parsed.fields) {
        codings += same_name(field.name, "transfer-encoding") ? 1 : 0;
        lengths += same_name(field.name, "content-length") ? 1 : 0;
        hosts += same_name(field.name, "host") ? 1 : 0;
        require(field.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
    }
    require(codings + lengths <= 1 && hosts <= 1);
    require((codings == 1) == (verdict.framing == h1::Framing::chunked));
    require((lengths == 1) == (verdict.framing == h1::Framing::length));
    require(parsed.target.find_first_of(" \t\r\n#") == std::string_view::npos);
    require(head.starts_with(
        std::string(parsed.method).append(" ").append(parsed.target).append(" HTTP/1.")));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const h1::GuardLimits limits{.head_bytes = 512, .fields = 8};
    const GuardVerdict whole = h1::guard(bytes, limits);
    if (whole.state == State::accepted) {
        require(whole.head_size <= size && whole.head_size <= limits.head_bytes && whole.skip <= 2);
        require(bytes.substr(0, whole.head_size).ends_with("\r\n\r\n"));
        check_parsed(bytes.substr(whole.skip, whole.head_size - whole.skip), whole);
    } else if (whole.state == State::refused) {
        require(!whole.reason.empty() && whole.status >= 400 && whole.status < 600);
    }
    const std::size_t end = whole.state == State::accepted ? whole.head_size : size;
    bool refused = false;
    for (std::size_t some = 0; some < std::min<std::size_t>(end, 600); ++some) {
        const GuardVerdict part = h1::guard(bytes.substr(0, some), limits);
        require(part.state != State::accepted);
        require(!refused || part.state == State::refused);
        refused = part.state == State::refused;
        require(!refused || whole.state == State::refused);
    }
    const GuardVerdict more = h1::guard(std::string(bytes).append("\r\n\r\n"), limits);
    if (whole.state != State::need_more) {
        require(more.state == whole.state && more.head_size == whole.head_size);
    }
    return 0;
}
