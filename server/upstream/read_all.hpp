// A whole answer of a vendor, for what is not relayed.
#pragma once

#include "server/upstream/call.hpp"

#include <cstddef>
#include <string>

namespace tollgate::server::upstream {

/// Connects, sends and receives the head, for as long as `interrupt` allows; `request` may go then.
[[nodiscard]] Task<Result<void>> reach_head(Call& call, const adapters::UpstreamRequest& request,
                                            CallHead& head, Interrupt& interrupt);

/// Undoes the content coding of a body.  What cannot be read, or would be longer than `most`, stays
/// as it is.
void undo_coding(const CallHead& head, std::size_t most, std::string& body);

/// The rest of a body, its content coding undone.  Ends early, without an error, behind `most`
/// bytes; fails as receive() does, with what came before lost.
[[nodiscard]] Task<Result<std::string>> read_all(Call& call, const CallHead& head, std::size_t most,
                                                 Interrupt& interrupt);

}  // namespace tollgate::server::upstream
