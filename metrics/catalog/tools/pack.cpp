// Compresses a file so that the binary can carry it: pack INPUT OUTPUT.  Runs at build time; the
// same input gives the same output.
#include <zstd.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fputs("usage: pack INPUT OUTPUT\n", stderr);
        return 2;
    }
    std::ifstream in(argv[1], std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    std::string packed(ZSTD_compressBound(text.size()), '\0');
    constexpr int kLevel = 19;
    const std::size_t size =
        ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), kLevel);
    if (text.empty() || ZSTD_isError(size) != 0) {
        std::fprintf(stderr, "pack: %s cannot be read or packed\n", argv[1]);
        return 1;
    }
    std::ofstream out(argv[2], std::ios::binary | std::ios::trunc);
    out.write(packed.data(), static_cast<std::streamsize>(size));
    out.close();
    return out ? 0 : 1;
}
