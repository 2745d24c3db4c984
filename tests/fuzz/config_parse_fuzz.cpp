// Any bytes: the configuration parser accepts them, or says why not with at least one problem; it
// never throws.
#include "config/parse.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    // Secrets as file:/… would let the input choose what is read from the disk.
    if (text.find("file:") != std::string_view::npos) {
        return 0;
    }
    const auto settings =
        tollgate::config::parse(text, "fuzz.yaml", tollgate::config::empty_environment());
    if (!settings && settings.error().empty()) {
        std::abort();
    }
    return 0;
}
