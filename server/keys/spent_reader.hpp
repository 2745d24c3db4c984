// What budgets had spent before this process knew them, from the ledger.
#pragma once

#include "metrics/ledger/spent.hpp"
#include "metrics/log.hpp"
#include "router/limits/scope_limits.hpp"

#include <map>
#include <string>

namespace tollgate::server {

/// One thread at a time.  Reads the ledger once for each kind of period until forget() is called.
class SpentReader {
public:
    explicit SpentReader(metrics::Logger& logger) : logger_(logger) {}

    /// Where the ledger is; before that, nothing was spent.
    void use(std::string path, std::string journal);
    /// 0, and a line in the log, where the ledger cannot be read.
    [[nodiscard]] router::Pico find(const config::Scope& scope, config::Period per,
                                    const router::Window& window);
    /// The next find() reads anew.
    void forget() { known_.clear(); }

private:
    metrics::Logger& logger_;
    std::string path_;
    std::string journal_;
    std::map<config::Period, ledger::SpentSums> known_;
};

}  // namespace tollgate::server
