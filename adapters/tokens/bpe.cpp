#include "adapters/tokens/bpe.hpp"

#include "adapters/tokens/table_layout.hpp"

#include <array>
#include <queue>

namespace tollgate::tokens {
namespace {

// Up to here a piece is merged by looking for the least rank again and again, which is fastest for
// words; beyond, that would be quadratic.
constexpr std::size_t kShort = 64;

}  // namespace

Encoding::Encoding(EncodingName name, const unsigned char* table) noexcept : name_(name) {
    TableHeader header;
    std::memcpy(&header, table, sizeof header);
    const auto* const words = reinterpret_cast<const std::uint32_t*>(table + sizeof header);
    slots_ = {words, header.slots};
    offsets_ = {words + header.slots, header.tokens + std::size_t{1}};
    bytes_ = reinterpret_cast<const char*>(words + header.slots + header.tokens + 1);
}

std::uint32_t Encoding::rank(std::string_view token) const noexcept {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t slot = hash_token(token) & mask;; slot = (slot + 1) & mask) {
        const std::uint32_t found = slots_[slot];
        if (found == kNoToken) {
            return kNoToken;
        }
        const std::uint32_t begin = offsets_[found];
        if (std::string_view(bytes_ + begin, offsets_[found + 1] - begin) == token) {
            return found;
        }
    }
}

std::uint64_t Encoding::count(std::string_view text) const {
    std::uint64_t tokens = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = piece_end(name_, text, at);
        const std::string_view piece = text.substr(at, end - at);
        if (piece.size() == 1 || rank(piece) != kNoToken) {
            ++tokens;
        } else {
            tokens += piece.size() <= kShort ? merge(piece) : merge_long(piece);
        }
        at = end;
    }
    return tokens;
}

// Parts are begun at starts[i]; pair[i] is the rank of part i joined with the next.
std::size_t Encoding::merge(std::string_view piece) const {
    std::array<std::uint8_t, kShort + 1> starts{};
    std::array<std::uint32_t, kShort + 1> pair{};
    std::size_t parts = piece.size();
    const auto join = [&](std::size_t i) {
        return i + 1 < parts ? rank(piece.substr(starts[i], starts[i + 2] - starts[i])) : kNoToken;
    };
    for (std::size_t i = 0; i <= parts; ++i) {
        starts[i] = static_cast<std::uint8_t>(i);
    }
    for (std::size_t i = 0; i < parts; ++i) {
        pair[i] = join(i);
    }
    for (;;) {
        std::size_t least = 0;
        for (std::size_t i = 1; i < parts; ++i) {
            least = pair[i] < pair[least] ? i : least;
        }
        if (pair[least] == kNoToken) {
            return parts;
        }
        for (std::size_t i = least + 1; i < parts; ++i) {
            starts[i] = starts[i + 1];
            pair[i] = i + 1 < parts ? pair[i + 1] : kNoToken;
        }
        --parts;
        pair[least] = join(least);
        if (least > 0) {
            pair[least - 1] = join(least - 1);
        }
    }
}

// The same with a linked list and a heap of candidate pairs; outdated candidates are skipped.
std::size_t Encoding::merge_long(std::string_view piece) const {
    struct Part {
        std::size_t end;
        std::size_t before;
        bool is_gone = false;  // joined to the one before
    };
    struct Candidate {
        std::uint32_t rank;
        std::size_t begin;
        std::size_t end;
        bool operator>(const Candidate& other) const noexcept {
            return rank != other.rank ? rank > other.rank : begin > other.begin;
        }
    };
    constexpr std::size_t kNowhere = std::string_view::npos;
    std::vector<Part> parts(piece.size());  // by where they begin
    std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> heap;
    const auto propose = [&](std::size_t begin) {
        const std::size_t next = parts[begin].end;
        if (next >= piece.size()) {
            return;
        }
        const std::size_t end = parts[next].end;
        if (const std::uint32_t r = rank(piece.substr(begin, end - begin)); r != kNoToken) {
            heap.push({.rank = r, .begin = begin, .end = end});
        }
    };
    for (std::size_t i = 0; i < piece.size(); ++i) {
        parts[i] = {.end = i + 1, .before = i == 0 ? kNowhere : i - 1};
    }
    for (std::size_t i = 0; i < piece.size(); ++i) {
        propose(i);
    }
    std::size_t left = piece.size();
    while (!heap.empty()) {
        const Candidate best = heap.top();
        heap.pop();
        Part& part = parts[best.begin];
        const std::size_t next = part.end;
        // Still two neighbouring parts that together are this token?
        if (part.is_gone || next >= piece.size() || parts[next].end != best.end) {
            continue;
        }
        parts[next].is_gone = true;
        part.end = best.end;
        if (part.end < piece.size()) {
            parts[part.end].before = best.begin;
        }
        --left;
        propose(best.begin);
        if (part.before != kNowhere) {
            propose(part.before);
        }
    }
    return left;
}

}  // namespace tollgate::tokens
