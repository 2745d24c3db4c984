// Build step: lays out the vocabulary of an encoding for look-up in place (table_layout.hpp).
// Usage: make_table RANKS.zst TABLE.  Ranks: for each token, in the order of their ranks, one byte
// of length and its bytes.
#include "adapters/tokens/table_layout.hpp"

#include <zstd.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

using namespace tollgate::tokens;

std::string read_all(const char* path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

template <typename T>
void append(std::string& out, const std::vector<T>& values) {
    out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

std::string lay_out(std::string_view ranks) {
    std::vector<std::uint32_t> offsets{0};
    std::string bytes;
    for (std::size_t at = 0; at < ranks.size();) {
        const std::size_t size = static_cast<unsigned char>(ranks[at]);
        bytes.append(ranks.substr(at + 1, size));
        offsets.push_back(static_cast<std::uint32_t>(bytes.size()));
        at += 1 + size;
    }
    TableHeader header{.tokens = static_cast<std::uint32_t>(offsets.size() - 1), .slots = 1};
    while (header.slots < header.tokens + header.tokens / 4) {
        header.slots *= 2;
    }
    std::vector<std::uint32_t> slots(header.slots, kNoToken);
    for (std::uint32_t rank = 0; rank < header.tokens; ++rank) {
        const std::string_view token =
            std::string_view(bytes).substr(offsets[rank], offsets[rank + 1] - offsets[rank]);
        std::uint32_t slot = hash_token(token) & (header.slots - 1);
        while (slots[slot] != kNoToken) {
            slot = (slot + 1) & (header.slots - 1);
        }
        slots[slot] = rank;
    }
    std::string out(reinterpret_cast<const char*>(&header), sizeof header);
    append(out, slots);
    append(out, offsets);
    return out + bytes;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: make_table RANKS.zst TABLE\n");
        return 2;
    }
    const std::string packed = read_all(argv[1]);
    const unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
    if (packed.empty() || size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN) {
        std::fprintf(stderr, "make_table: %s is not a zstd file\n", argv[1]);
        return 1;
    }
    std::string ranks(static_cast<std::size_t>(size), '\0');
    const std::size_t got =
        ZSTD_decompress(ranks.data(), ranks.size(), packed.data(), packed.size());
    if (ZSTD_isError(got) != 0) {
        std::fprintf(stderr, "make_table: %s: %s\n", argv[1], ZSTD_getErrorName(got));
        return 1;
    }
    const std::string table = lay_out(ranks);
    std::ofstream file(argv[2], std::ios::binary);
    file.write(table.data(), static_cast<std::streamsize>(table.size()));
    file.close();
    return file ? 0 : 1;
}
