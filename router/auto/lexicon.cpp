#include "router/auto/lexicon.hpp"

#include <algorithm>
#include <array>

namespace tollgate::router::lexicon {
namespace {

constexpr std::array<std::string_view, kGroups> kWords{
#define GROUP(name, words) words,
#include "router/auto/lexicon.inc"
#undef GROUP
};
constexpr std::array<std::string_view, kGroups> kNames{
#define GROUP(name, words) #name,
#include "router/auto/lexicon.inc"
#undef GROUP
};

// FNV-1a over code points; what kind of entry it is goes in first.
enum class Kind : std::uint32_t { word = 0x811c9dc5U, prefix = 0x1234567bU };
constexpr std::uint32_t step(std::uint32_t hash, char32_t point) noexcept {
    return (hash ^ static_cast<std::uint32_t>(point)) * 16'777'619U;
}

constexpr std::size_t kLongestPrefix = 14;
constexpr std::size_t kLongestRun = 4;

constexpr char32_t decode(std::string_view text, std::size_t& at) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = byte(at++);
    if (lead < 0x80) {
        return lead;
    }
    const unsigned more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    char32_t point = lead & (0x3fU >> more);
    for (unsigned i = 0; i < more; ++i) {
        point = (point << 6U) | (byte(at++) & 0x3fU);
    }
    return point;
}

constexpr std::uint32_t hash_of(std::string_view word) noexcept {
    const bool is_prefix = word.back() == '*';
    auto hash = static_cast<std::uint32_t>(is_prefix ? Kind::prefix : Kind::word);
    const std::size_t size = is_prefix ? word.size() - 1 : word.size();
    for (std::size_t at = 0; at < size;) {
        const char32_t point = decode(word, at);
        hash = step(hash, point == '_' ? U' ' : point);
    }
    return hash;
}

template <class Use>
constexpr void each_word(std::string_view words, const Use& use) {
    for (std::size_t at = 0; at < words.size();) {
        const std::size_t end = std::min(words.find(' ', at), words.size());
        if (end > at) {
            use(words.substr(at, end - at));
        }
        at = end + 1;
    }
}

// Open addressing with linear probing; hash 0 is an empty slot.  Hashes stand apart from what they
// lead to: most look-ups find nothing.
constexpr std::size_t kSlots = 16'384;
struct Table {
    std::array<std::uint32_t, kSlots> hashes{};
    std::array<std::uint64_t, kSlots> groups{};
};
constexpr Table make_table() {
    Table table;
    for (std::size_t group = 0; group < kGroups; ++group) {
        each_word(kWords[group], [&](std::string_view word) {
            const std::uint32_t hash = hash_of(word);
            std::size_t slot = hash % kSlots;
            while (table.hashes[slot] != 0 && table.hashes[slot] != hash) {
                slot = (slot + 1) % kSlots;
            }
            table.hashes[slot] = hash;
            table.groups[slot] |= std::uint64_t{1} << group;
        });
    }
    return table;
}
constexpr Table kTable = make_table();

std::uint64_t find(std::uint32_t hash) noexcept {
    for (std::size_t slot = hash % kSlots; kTable.hashes[slot] != 0; slot = (slot + 1) % kSlots) {
        if (kTable.hashes[slot] == hash) {
            return kTable.groups[slot];
        }
    }
    return 0;
}

}  // namespace

std::uint64_t of_word(std::span<const char32_t> word) noexcept {
    auto whole = static_cast<std::uint32_t>(Kind::word);
    auto prefix = static_cast<std::uint32_t>(Kind::prefix);
    std::uint64_t groups = 0;
    for (std::size_t i = 0; i < word.size(); ++i) {
        whole = step(whole, word[i]);
        if (i < kLongestPrefix) {
            prefix = step(prefix, word[i]);
            groups |= find(prefix);
        }
    }
    return groups | find(whole);
}

std::uint64_t of_pair(std::span<const char32_t> first, std::span<const char32_t> second) noexcept {
    auto hash = static_cast<std::uint32_t>(Kind::word);
    for (const char32_t point : first) {
        hash = step(hash, point);
    }
    hash = step(hash, ' ');
    for (const char32_t point : second) {
        hash = step(hash, point);
    }
    return find(hash);
}

std::uint64_t of_run(std::span<const char32_t> text) noexcept {
    auto hash = static_cast<std::uint32_t>(Kind::word);
    std::uint64_t groups = 0;
    for (std::size_t i = 0; i < std::min(text.size(), kLongestRun); ++i) {
        hash = step(hash, text[i]);
        groups |= find(hash);
    }
    return groups;
}

std::string_view name(std::size_t group) noexcept {
    return kNames[group];
}

}  // namespace tollgate::router::lexicon
