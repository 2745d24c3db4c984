#include "metrics/ledger/ledger.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace tollgate::ledger {
namespace {

constexpr std::chrono::milliseconds kRound{100};
constexpr std::chrono::seconds kLongestEnd{10};

std::int64_t now_us() {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

}  // namespace

Ledger::Ledger(LedgerOptions options, std::size_t workers, metrics::Logger& logger)
    : journal_(std::move(options.journal), workers),
      importer_(journal_, std::move(options.importer), &logger),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Ledger::~Ledger() {
    thread_.request_stop();
    thread_.join();
    journal_.close();
    const auto end = std::chrono::steady_clock::now() + kLongestEnd;
    do {
        static_cast<void>(importer_.tick(now_us()));
    } while (!importer_.is_done() && !importer_.status().is_failing.load() &&
             std::chrono::steady_clock::now() < end);
}

void Ledger::run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        if (!importer_.tick(now_us())) {
            std::unique_lock lock(mutex_);
            wake_.wait_for(lock, stop, kRound, [] { return false; });
        }
    }
}

Figures Ledger::figures() const {
    const ImportStatus& status = importer_.status();
    Figures figures;
    std::uint64_t appended = 0;
    figures.rows = status.rows.load(std::memory_order_relaxed);
    figures.backlog_bytes = status.backlog_bytes.load(std::memory_order_relaxed);
    figures.lag_seconds =
        static_cast<double>(status.lag_ms.load(std::memory_order_relaxed)) / 1000.0;
    for (const std::unique_ptr<Lane>& lane : journal_.lanes()) {
        figures.lost += lane->lost();
        appended += lane->appended();
    }
    const std::uint64_t own = status.own_rows.load(std::memory_order_relaxed);
    figures.backlog_rows = appended - std::min(appended, own);
    for (std::size_t i = 0; i < figures.problems.size(); ++i) {
        figures.problems[i] = status.problems[i].load(std::memory_order_relaxed);
    }
    return figures;
}

bool Ledger::is_writing() const noexcept {
    return std::ranges::all_of(journal_.lanes(), [](const auto& lane) { return lane->is_open(); });
}

bool Ledger::is_well() const noexcept {
    return !importer_.status().is_failing.load(std::memory_order_relaxed) && is_writing();
}

}  // namespace tollgate::ledger
