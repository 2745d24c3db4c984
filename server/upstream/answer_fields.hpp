// What the gateway makes of one field of a vendor's response head, whatever protocol carried it.
#pragma once

#include "server/upstream/call.hpp"

#include <string_view>

namespace tollgate::server::upstream {

/// Notes the field in `head`, and in the lines that go on to the client if it may.  HTTP/2 has no
/// Connection field, so the caller deals with what that one names.
void take_field(CallHead& head, std::string_view name, std::string_view value);

}  // namespace tollgate::server::upstream
