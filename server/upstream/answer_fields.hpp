// What the gateway makes of one field of a vendor's response head, whatever protocol carried it.
#pragma once

#include "server/upstream/call.hpp"

#include <boost/beast/http/field.hpp>

#include <string_view>

namespace tollgate::server::upstream {

/// Notes the field in `head`, and in the lines that go on to the client if it may.  `name` is what
/// Beast calls `text`; HTTP/2 has no Connection field, so the caller deals with that one.
void take_field(CallHead& head, boost::beast::http::field name, std::string_view text,
                std::string_view value);

}  // namespace tollgate::server::upstream
