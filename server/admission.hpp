// What one exchange holds of limits and budgets.
#pragma once

#include "router/keys/caller_table.hpp"
#include "router/limits/lease.hpp"

#include <utility>

namespace tollgate::server {

/// Leases die before the table whose counters they settle.
struct Taken {
    explicit Taken(router::CallerTablePtr table) : callers(std::move(table)) {}

    router::CallerTablePtr callers;
    const router::Key* caller = nullptr;  ///< null: nobody needs a key
    router::Scopes scopes;                ///< limits of the caller, whatever the target
    router::Scopes target_scopes;         ///< … of the current attempt's target
    router::Lease request;                ///< an attempt's own is in Attempt
};

}  // namespace tollgate::server
