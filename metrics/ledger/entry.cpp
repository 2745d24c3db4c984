#include "metrics/ledger/entry.hpp"

#include <algorithm>
#include <cstring>

namespace tollgate::ledger {
namespace {

constexpr std::uint64_t kVersion = 2;  // 1: without cost_by_kind
constexpr std::size_t kTextBytes = 256;
constexpr std::size_t kTagBytes = 64;
constexpr std::size_t kMaxTags = 16;
constexpr std::size_t kMaxSpent = 6;
constexpr std::size_t kVarintBytes = 10;
constexpr std::size_t kUseBytes = kVarintBytes * (kCounters + 4 + metrics::kCostKinds);
// The longest entry that the limits above allow.
static_assert(8 * (kTextBytes + 2) + kMaxTags * (kTagBytes + 1) + 12 * kVarintBytes + kUseBytes +
                  kMaxSpent * (2 * (kTextBytes + 2) + kUseBytes) <=
              kMaxEntryBytes);

class Out {
public:
    explicit Out(EntryBuffer& space) noexcept : begin_(space.data()), at_(space.data()) {}
    void number(std::uint64_t n) noexcept {
        while (n >= 0x80) {
            *at_++ = static_cast<char>(n | 0x80);
            n >>= 7;
        }
        *at_++ = static_cast<char>(n);
    }
    void text(std::string_view text, std::size_t most = kTextBytes) noexcept {
        text = text.substr(0, most);
        number(text.size());
        if (!text.empty()) {
            std::memcpy(at_, text.data(), text.size());
            at_ += text.size();
        }
    }
    void use(const Use& use) noexcept {
        number((static_cast<std::uint64_t>(use.priced) << 1) | (use.is_estimated ? 1U : 0U));
        number(static_cast<std::uint64_t>(use.cost_pico));
        // Only the counters up to the last one that is not zero.
        std::size_t used = kCounters;
        while (used > 0 && use.counters[used - 1] == 0) {
            --used;
        }
        number(used);
        for (std::size_t i = 0; i < used; ++i) {
            number(use.counters[i]);
        }
        if (use.cost_pico != 0) {
            for (const metrics::Pico part : use.cost_by_kind) {
                number(static_cast<std::uint64_t>(part));
            }
        }
    }
    [[nodiscard]] std::string_view written() const noexcept {
        return {begin_, static_cast<std::size_t>(at_ - begin_)};
    }

private:
    char* begin_;
    char* at_;
};

class In {
public:
    explicit In(std::string_view bytes) noexcept : rest_(bytes), version_(number()) {}
    /// False: a version that is not known.
    [[nodiscard]] bool is_known() const noexcept { return version_ >= 1 && version_ <= kVersion; }
    std::uint64_t number() noexcept {
        std::uint64_t n = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            if (rest_.empty()) {
                break;
            }
            const auto byte = static_cast<unsigned char>(rest_.front());
            rest_.remove_prefix(1);
            n |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
            if (byte < 0x80) {
                return n;
            }
        }
        good_ = false;
        return 0;
    }
    template <class T>
    void number(T& out) noexcept {
        out = static_cast<T>(number());
    }
    std::string_view text() noexcept {
        const std::uint64_t size = number();
        if (size > rest_.size()) {
            good_ = false;
            return {};
        }
        const std::string_view text = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return text;
    }
    void use(Use& use) noexcept {
        const std::uint64_t flags = number();
        use.priced = static_cast<Priced>((flags >> 1) & 3);
        use.is_estimated = (flags & 1) != 0;
        number(use.cost_pico);
        const std::uint64_t used = number();
        good_ = good_ && used <= kCounters;
        use.counters.fill(0);
        for (std::size_t i = 0; good_ && i < used; ++i) {
            number(use.counters[i]);
        }
        use.cost_by_kind.fill(0);
        if (version_ > 1 && use.cost_pico != 0) {
            for (metrics::Pico& part : use.cost_by_kind) {
                number(part);
            }
        }
    }
    [[nodiscard]] std::size_t count(std::size_t most) noexcept {
        const std::uint64_t n = number();
        good_ = good_ && n <= most;
        return good_ ? static_cast<std::size_t>(n) : 0;
    }
    [[nodiscard]] bool is_good_end() const noexcept { return good_ && rest_.empty(); }

private:
    std::string_view rest_;
    bool good_ = true;
    std::uint64_t version_;
};

}  // namespace

std::string_view encode(const Entry& entry, EntryBuffer& space) noexcept {
    Out out(space);
    out.number(kVersion);
    out.number(static_cast<std::uint64_t>(entry.at_us));
    out.number(entry.status);
    out.number(entry.outcome);
    out.number(entry.attempts);
    out.number(entry.is_stream ? 1 : 0);
    out.number(entry.latency_us);
    out.number(entry.ttft_us);
    for (const std::string_view text :
         {entry.request_id, entry.key, entry.team, entry.user, entry.endpoint,
          entry.requested_model, entry.provider, entry.model}) {
        out.text(text);
    }
    const std::size_t tags = std::min(entry.tags.size(), kMaxTags);
    out.number(tags);
    for (std::size_t i = 0; i < tags; ++i) {
        out.text(entry.tags[i], kTagBytes);
    }
    out.use(entry.use);
    // More failed attempts than there is room for: the last one told of carries the others' sums.
    const std::size_t spent = std::min(entry.spent.size(), kMaxSpent);
    out.number(spent);
    for (std::size_t i = 0; i < spent; ++i) {
        Use use = entry.spent[i].use;
        for (std::size_t more = kMaxSpent; i + 1 == kMaxSpent && more < entry.spent.size();
             ++more) {
            use.cost_pico += entry.spent[more].use.cost_pico;
            for (std::size_t c = 0; c < kCounters; ++c) {
                use.counters[c] += entry.spent[more].use.counters[c];
            }
            for (std::size_t k = 0; k < metrics::kCostKinds; ++k) {
                use.cost_by_kind[k] += entry.spent[more].use.cost_by_kind[k];
            }
        }
        out.text(entry.spent[i].provider);
        out.text(entry.spent[i].model);
        out.use(use);
    }
    return out.written();
}

bool decode(std::string_view bytes, Entry& entry) {
    In in(bytes);
    if (!in.is_known()) {
        return false;
    }
    in.number(entry.at_us);
    in.number(entry.status);
    in.number(entry.outcome);
    in.number(entry.attempts);
    entry.is_stream = in.number() != 0;
    in.number(entry.latency_us);
    in.number(entry.ttft_us);
    for (std::string_view* const text :
         {&entry.request_id, &entry.key, &entry.team, &entry.user, &entry.endpoint,
          &entry.requested_model, &entry.provider, &entry.model}) {
        *text = in.text();
    }
    entry.tags.resize(in.count(kMaxTags));
    for (std::string_view& tag : entry.tags) {
        tag = in.text();
    }
    in.use(entry.use);
    entry.spent.resize(in.count(kMaxSpent));
    for (Spent& spent : entry.spent) {
        spent.provider = in.text();
        spent.model = in.text();
        in.use(spent.use);
    }
    return in.is_good_end();
}

}  // namespace tollgate::ledger
