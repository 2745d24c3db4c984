// What the ledger knows to have been spent in a span of time, by everything that a budget can
// count: for budgets that begin while their period runs.
#pragma once

#include "metrics/ledger/schema.hpp"
#include "metrics/money.hpp"
#include "metrics/sqlite.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace tollgate::ledger {

struct SpentSums {
    using ByName = std::unordered_map<std::string, metrics::Int128>;  // pico-dollars

    metrics::Int128 everything = 0;
    ByName keys;
    ByName teams;
    ByName tags;
    ByName providers;
    ByName models;  ///< under "provider/model" and "model"

    /// 0: nothing is known.
    [[nodiscard]] static metrics::Int128 find(const ByName& sums, const std::string& name) {
        const auto found = sums.find(name);
        return found == sums.end() ? metrics::Int128{0} : found->second;
    }
};

/// Of requests that began in [begin, end), which are begins of such spans (seconds since 1970).
/// Reads the SQLite file, which need not exist, and what is in the journal only, each request once;
/// a gateway may write both meanwhile.
[[nodiscard]] sqlite::Result<SpentSums> read_spent(const std::string& path,
                                                   const std::string& journal, Grain grain,
                                                   std::int64_t begin, std::int64_t end);

}  // namespace tollgate::ledger
