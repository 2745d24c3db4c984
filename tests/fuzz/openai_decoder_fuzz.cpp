// Whatever an OpenAI-shaped vendor sends, whole or streamed: events do not depend on how the bytes
// were cut.
#include "adapters/dialect.hpp"
#include "tests/fuzz/decoder_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    return tollgate::fuzz::decode(tollgate::adapters::dialects::openai(), data, size);
}
