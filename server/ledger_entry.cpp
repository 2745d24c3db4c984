#include "server/ledger_entry.hpp"

#include "adapters/codec/json.hpp"
#include "server/dispatch.hpp"
#include "server/worker.hpp"

#include <algorithm>

namespace tollgate::server {
namespace {

using ledger::Counter;

constexpr std::size_t kMostTags = 16;
constexpr std::size_t kTagBytes = 64;
constexpr std::size_t kUserBytes = 256;

static_assert(static_cast<int>(ledger::Priced::unpriced) ==
              static_cast<int>(metrics::Pricing::unpriced));

ledger::Use use_of(const metrics::Usage& usage, metrics::Pricing pricing, metrics::Pico cost,
                   const metrics::CostByKind& by_kind) {
    ledger::Use use;
    use[Counter::input] = usage.input;
    use[Counter::cache_read] = usage.cache_read_total();
    use[Counter::cache_write] = usage.cache_write;
    use[Counter::cache_write_1h] = usage.cache_write_1h;
    use[Counter::output] = usage.output;
    use[Counter::reasoning] = usage.reasoning;
    use[Counter::audio_input] = usage.audio_input;
    use[Counter::audio_output] = usage.audio_output;
    use[Counter::image_input] = usage.image_input;
    use[Counter::image_output] = usage.image_output;
    use[Counter::other_tokens] = usage.video_input + usage.citation;
    use[Counter::searches] = usage.web_searches + usage.rerank_searches;
    use.priced = static_cast<ledger::Priced>(pricing);
    if (pricing == metrics::Pricing::priced) {
        use.cost_pico = cost;
        use.cost_by_kind = by_kind;
    }
    use.is_estimated = usage.estimated;
    return use;
}

std::uint64_t microseconds(Clock::duration span) noexcept {
    return metrics::nanoseconds(span) / 1000;
}

bool is_tag(std::string_view tag) noexcept {
    return !tag.empty() && tag.size() <= kTagBytes && std::ranges::all_of(tag, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view("._-:/=").find(c) != std::string_view::npos;
    });
}

}  // namespace

ledger::Entry ledger_entry(const metrics::RequestRecord& record) {
    ledger::Entry entry;
    entry.at_us =
        std::chrono::duration_cast<std::chrono::microseconds>(record.wall.time_since_epoch())
            .count();
    entry.request_id = record.request_id;
    entry.key = record.key_name;
    entry.team = record.team;
    entry.user = record.user;
    entry.endpoint = record.endpoint;
    entry.requested_model = record.requested_model;
    entry.provider = record.provider;
    entry.model = record.model;
    entry.tags.assign(record.tags.begin(), record.tags.end());
    entry.status = record.status;
    entry.outcome = static_cast<std::uint8_t>(record.outcome);
    entry.attempts = record.attempts;
    entry.is_stream = record.stream;
    entry.latency_us = microseconds(record.duration);
    entry.ttft_us = microseconds(record.first_byte);
    entry.use = use_of(record.usage, record.pricing, record.cost, record.cost_by_kind);
    for (const metrics::SpentAttempt& spent : record.spent) {
        entry.spent.push_back(
            {.provider = spent.provider,
             .model = spent.model,
             .use = use_of(spent.usage, spent.pricing, spent.cost, spent.cost_by_kind)});
    }
    return entry;
}

std::string user_of(const adapters::Request& request) {
    const adapters::Member* const member = request.find("user");
    if (member == nullptr) {
        return {};
    }
    std::string_view raw = request.raw(*member);
    if (raw.size() < 2 || raw.front() != '"') {
        return {};
    }
    if (raw.find('\\') == std::string_view::npos) {
        return std::string(raw.substr(1, raw.size() - 2).substr(0, kUserBytes));
    }
    const std::string list = "[" + std::string(raw) + "]";  // a document is no bare string
    const Result<json::Document> text = json::Document::parse(list);
    return text ? std::string(text->root()[0].string().substr(0, kUserBytes)) : std::string();
}

void add_tags(std::string_view header, std::vector<std::string>& tags) {
    while (!header.empty() && tags.size() < kMostTags) {
        const std::size_t comma = header.find(',');
        std::string_view tag = header.substr(0, comma);
        header = comma == std::string_view::npos ? std::string_view() : header.substr(comma + 1);
        tag.remove_prefix(std::min(tag.find_first_not_of(" \t"), tag.size()));
        tag = tag.substr(0, tag.find_last_not_of(" \t") + 1);
        if (is_tag(tag) && std::ranges::find(tags, tag) == tags.end()) {
            tags.emplace_back(tag);
        }
    }
}

// The journal has the row when this returns: the kernel keeps it, whatever becomes of the process.
void Dispatch::write_ledger() {
    ledger::Lane* const lane = worker_.lane();
    if (lane == nullptr || !is_in_ledger_) {
        return;
    }
    const Clock::time_point begun = report_.first_byte;
    record_.attempts = static_cast<std::uint8_t>(std::min<unsigned>(attempts_, 255));
    record_.duration = Reactor::now() - record_.started;
    record_.first_byte =
        begun == Clock::time_point{} ? Clock::duration::zero() : begun - record_.started;
    if (record_.status == 0) {  // a whole answer, before its head is made
        record_.status = static_cast<std::uint16_t>(current_.head.status);
    }
    lane->append(ledger_entry(record_));
}

bool Dispatch::may_not_be_written() const noexcept {
    const ledger::Lane* const lane = worker_.lane();
    return lane != nullptr && !lane->is_open() &&
           snapshot_->settings().ledger.on_error == config::LedgerTrouble::refuse;
}

}  // namespace tollgate::server
