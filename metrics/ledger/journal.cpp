#include "metrics/ledger/journal.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <sys/random.h>
#include <utility>

namespace tollgate::ledger {
namespace {

// Never used twice, also not by another process on the same directory.
std::uint64_t fresh_id() noexcept {
    std::uint64_t id = 0;
    while (id == 0) {
        if (::getrandom(&id, sizeof id, 0) != sizeof id) {
            id = 0;
        }
        id >>= 1;  // SQLite's integers are signed
    }
    return id;
}

}  // namespace

void Lane::append(const Entry& entry) noexcept {
    const std::string_view payload = encode(entry, buffer_);
    const bool is_written =
        (current_ && current_->append(payload)) || (next_segment() && current_->append(payload));
    if (!is_written) {
        open_.store(false, std::memory_order_relaxed);
    }
    std::atomic<std::uint64_t>& count = is_written || keep(payload) ? appended_ : lost_;
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

bool Lane::next_segment() noexcept {
    std::shared_ptr<Segment> next;
    std::size_t size = 0;
    {
        const std::lock_guard lock(mutex_);
        ++used_segments_;
        next = std::move(spare_);
        size = size_;
    }
    if (!next) {
        if (!journal_.allowed_.load(std::memory_order_relaxed) ||
            !journal_.working_.load(std::memory_order_relaxed)) {
            return false;
        }
        auto made = journal_.make(size);
        if (!made) {
            return false;
        }
        next = std::move(*made);
    }
    if (current_) {
        current_->seal();
    }
    current_ = next;
    const std::lock_guard lock(mutex_);
    started_.push_back(std::move(next));
    return true;
}

bool Lane::keep(std::string_view payload) noexcept {
    const std::lock_guard lock(mutex_);
    if (kept_bytes_ + payload.size() > journal_.options_.kept_bytes) {
        return false;
    }
    kept_bytes_ += payload.size();
    kept_.emplace_back(payload);
    return true;
}

Journal::Journal(JournalOptions options, std::size_t lanes) : options_(std::move(options)) {
    for (std::size_t i = 0; i < lanes; ++i) {
        lanes_.push_back(std::make_unique<Lane>(*this, options_.smallest_segment));
    }
}

Journal::~Journal() {
    for (const std::unique_ptr<Lane>& lane : lanes_) {
        if (lane->spare_) {
            std::error_code ignored;
            std::filesystem::remove(lane->spare_->path(), ignored);
        }
    }
}

std::expected<std::shared_ptr<Segment>, Trouble> Journal::make(std::size_t size) {
    auto made = Segment::create(options_.directory, fresh_id(), size);
    working_.store(made.has_value(), std::memory_order_relaxed);
    return made;
}

std::optional<Trouble> Journal::supply() {
    if (!allowed_.load(std::memory_order_relaxed)) {
        for (const std::unique_ptr<Lane>& lane : lanes_) {
            lane->open_.store(false, std::memory_order_relaxed);
        }
        return std::nullopt;
    }
    std::error_code error;
    if (std::filesystem::create_directories(options_.directory, error)) {
        std::filesystem::permissions(options_.directory, std::filesystem::perms::owner_all, error);
    }
    std::optional<Trouble> first;
    for (const std::unique_ptr<Lane>& lane : lanes_) {
        std::optional<Trouble> trouble = supply(*lane);
        if (!trouble) {
            trouble = write_kept(*lane);
        }
        if (trouble) {
            lane->open_.store(false, std::memory_order_relaxed);
            first = first ? first : trouble;
        } else {
            lane->open_.store(true, std::memory_order_relaxed);
        }
    }
    return first;
}

std::optional<Trouble> Journal::supply(Lane& lane) {
    std::size_t size = 0;
    {
        const std::lock_guard lock(lane.mutex_);
        const unsigned used = std::exchange(lane.used_segments_, 0);
        // Memory follows the load: a busy worker gets larger segments, an idle one smaller ones.
        if (used > 1) {
            lane.size_ = std::min(lane.size_ * 2, options_.largest_segment);
        }
        if (lane.spare_) {
            return std::nullopt;
        }
        size = lane.size_;
    }
    auto made = make(size);
    if (!made) {
        return made.error();
    }
    const std::lock_guard lock(lane.mutex_);
    lane.spare_ = std::move(*made);
    return std::nullopt;
}

std::optional<Trouble> Journal::write_kept(Lane& lane) {
    std::vector<std::string> kept;
    {
        const std::lock_guard lock(lane.mutex_);
        kept = std::exchange(lane.kept_, {});
        lane.kept_bytes_ = 0;
    }
    if (kept.empty()) {
        return std::nullopt;
    }
    // Frames add up to 15 bytes to an entry.
    std::size_t size = 4096;
    for (const std::string& payload : kept) {
        size += payload.size() + 16;
    }
    auto made = make(size);
    const std::lock_guard lock(lane.mutex_);
    if (!made) {
        for (const std::string& payload : kept) {
            lane.kept_bytes_ += payload.size();
        }
        lane.kept_.insert(lane.kept_.begin(), std::make_move_iterator(kept.begin()),
                          std::make_move_iterator(kept.end()));
        return made.error();
    }
    for (const std::string& payload : kept) {
        static_cast<void>((*made)->append(payload));  // it was made large enough
    }
    (*made)->seal();
    lane.started_.push_back(std::move(*made));
    return std::nullopt;
}

std::vector<std::shared_ptr<Segment>> Journal::take_started() {
    std::vector<std::shared_ptr<Segment>> all;
    for (const std::unique_ptr<Lane>& lane : lanes_) {
        const std::lock_guard lock(lane->mutex_);
        all.insert(all.end(), lane->started_.begin(), lane->started_.end());
        lane->started_.clear();
    }
    return all;
}

void Journal::close() {
    for (const std::unique_ptr<Lane>& lane : lanes_) {
        static_cast<void>(write_kept(*lane));
        if (lane->current_) {
            lane->current_->seal();
        }
    }
}

}  // namespace tollgate::ledger
