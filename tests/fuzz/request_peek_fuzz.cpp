// Any bytes as a request body: peek refuses exactly what the full reader refuses (and more), and
// its ranges are true.
#include "adapters/codec/json.hpp"
#include "adapters/request.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using tollgate::adapters::Operation;
    if (size == 0) {
        return 0;
    }
    const auto operation = static_cast<Operation>(data[0] % tollgate::adapters::kOperations);
    std::string bytes(reinterpret_cast<const char*>(data + 1), size - 1);
    bytes.append(tollgate::adapters::kBodySlack, '\0');
    const std::string_view body = std::string_view(bytes).substr(0, size - 1);
    const auto request = tollgate::adapters::Request::peek(operation, body, 64);
    const auto document = tollgate::json::Document::parse(body);
    if (!request) {
        if (request.error().detail.empty()) {
            std::abort();
        }
        return 0;
    }
    if (!document || document->root().size() != request->members.size() ||
        (*document)["model"].string() != request->model) {
        std::abort();
    }
    for (const auto& member : request->members) {
        if ((*document)[member.key].raw() != request->raw(member)) {
            std::abort();
        }
    }
    return 0;
}
