// The vocabularies, in the read-only part of the binary: only the pages that are looked at become
// resident.
#include "adapters/tokens/bpe.hpp"

// NOLINTNEXTLINE: there is no other way to include bytes before C++26's #embed
asm(".section .rodata,\"a\",@progbits\n"
    ".balign 64\n"
    "tollgate_tokens_cl100k: .incbin \"" TOLLGATE_CL100K_TABLE
    "\"\n"
    ".balign 64\n"
    "tollgate_tokens_o200k: .incbin \"" TOLLGATE_O200K_TABLE
    "\"\n"
    ".global tollgate_tokens_cl100k, tollgate_tokens_o200k\n"
    ".text\n");

extern "C" {
extern const unsigned char tollgate_tokens_cl100k;
extern const unsigned char tollgate_tokens_o200k;
}

namespace tollgate::tokens {

const Encoding& encoding(EncodingName name) noexcept {
    static const Encoding cl100k(EncodingName::cl100k, &tollgate_tokens_cl100k);
    static const Encoding o200k(EncodingName::o200k, &tollgate_tokens_o200k);
    return name == EncodingName::cl100k ? cl100k : o200k;
}

}  // namespace tollgate::tokens
