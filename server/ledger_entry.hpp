// From a request's record to its row in the ledger.
#pragma once

#include "adapters/request.hpp"
#include "metrics/ledger/entry.hpp"
#include "metrics/record.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace tollgate::server {

/// Views into the record, which is settled.
[[nodiscard]] ledger::Entry ledger_entry(const metrics::RequestRecord& record);

/// The request's `user`; empty: it names none.
[[nodiscard]] std::string user_of(const adapters::Request& request);
/// Adds what `x-tollgate-tags: a, b` names to the key's own tags; 16 in all, each at most 64 bytes
/// of letters, digits and . _ - : / =, others are left out.
void add_tags(std::string_view header, std::vector<std::string>& tags);

}  // namespace tollgate::server
