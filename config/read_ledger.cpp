// ledger.
#include "config/readers.hpp"

#include <array>

namespace tollgate::config {
namespace {

constexpr std::array<std::pair<std::string_view, LedgerSync>, 2> kSync{
    {{"never", LedgerSync::never}, {"interval", LedgerSync::interval}}};
constexpr std::array<std::pair<std::string_view, LedgerTrouble>, 2> kTrouble{
    {{"serve", LedgerTrouble::serve}, {"refuse", LedgerTrouble::refuse}}};
constexpr milliseconds kLongestRetention = std::chrono::hours(24 * 36500);

}  // namespace

void read_ledger(Section& in, LedgerSettings& out) {
    in.flag("enabled", out.enabled);
    in.path("path", out.path);
    in.choice("fsync", out.fsync, kSync);
    in.choice("on_error", out.on_error, kTrouble);
    in.duration("retention", out.retention, milliseconds(0), kLongestRetention);
    in.duration("hourly_retention", out.hourly_retention, milliseconds(0), kLongestRetention);
    in.size("max_backlog", out.max_backlog, 16 * kMiB, 1024 * 1024 * kMiB);
}

}  // namespace tollgate::config
