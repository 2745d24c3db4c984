// The first byte chooses whole or stream and the size of the pieces; the rest is the vendor's
// answer.
#include "adapters/dialect.hpp"
#include "tests/fuzz/decoder_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    return tollgate::fuzz::decode(tollgate::adapters::dialects::ollama(), data, size);
}
