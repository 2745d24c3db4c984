#include "metrics/catalog/catalog.hpp"

#include <zstd.h>

// NOLINTNEXTLINE: there is no other way to include bytes before C++26's #embed
asm(".section .rodata,\"a\",@progbits\n"
    ".balign 16\n"
    "tollgate_catalog: .incbin \"" TOLLGATE_CATALOG
    "\"\n"
    "tollgate_catalog_end: .byte 0\n"
    ".global tollgate_catalog, tollgate_catalog_end\n"
    ".text\n");

extern "C" {
extern const unsigned char tollgate_catalog;
extern const unsigned char tollgate_catalog_end;
}

namespace tollgate::catalog {

std::string built_in_text() {
    const unsigned char* const bytes = &tollgate_catalog;
    const auto size = static_cast<std::size_t>(&tollgate_catalog_end - bytes);
    std::string text;
    text.resize(static_cast<std::size_t>(ZSTD_getFrameContentSize(bytes, size)));
    const std::size_t got = ZSTD_decompress(text.data(), text.size(), bytes, size);
    text.resize(ZSTD_isError(got) != 0 ? 0 : got);
    return text;
}

Catalog Catalog::built_in(const Wanted& wanted) {
    std::expected<Catalog, Fault> catalog = read(built_in_text(), wanted);
    return catalog ? std::move(*catalog) : Catalog();  // the tests read all of it
}

}  // namespace tollgate::catalog
