// Any bytes: the reader accepts or refuses them, and what it accepts survives a round trip through
// the writer.
#include "adapters/codec/json.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using tollgate::json::Kind;
using tollgate::json::Value;
using tollgate::json::Writer;

void rewrite(Writer& writer, Value value) {
    if (value.is_object()) {
        writer.begin_object();
        for (const Value member : value) {
            writer.key(member.key());
            rewrite(writer, member);
        }
        writer.end_object();
    } else if (value.is_array()) {
        writer.begin_array();
        for (const Value element : value) {
            rewrite(writer, element);
        }
        writer.end_array();
    } else if (value.is_string()) {
        writer.string(value.string());
    } else {
        (void)value.integer();
        (void)value.number();
        writer.raw(value.raw());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    std::string escaped;
    tollgate::json::append_string(escaped, text);
    if (!tollgate::json::Document::parse(escaped)) {
        std::abort();  // whatever the writer writes must be JSON
    }
    const auto document = tollgate::json::Document::parse(text);
    if (!document) {
        return 0;
    }
    std::string once;
    Writer first(once);
    rewrite(first, document->root());
    const auto again = tollgate::json::Document::parse(once);
    if (!again) {
        std::abort();
    }
    std::string twice;
    Writer second(twice);
    rewrite(second, again->root());
    if (once != twice) {
        std::abort();
    }
    return 0;
}
