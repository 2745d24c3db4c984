// Makes a value that satisfies a JSON schema: the demo model's structured output and tool
// arguments.
#pragma once

#include "adapters/codec/json.hpp"

#include <string>

namespace tollgate::demo {

/// A JSON text that satisfies `schema`.  Deterministic and bounded (64 KiB, 12 levels of optional
/// parts; what recurses without an end becomes null).  Understood: type (also lists), properties,
/// required, items, prefixItems, minItems, maxItems, enum, const, anyOf/oneOf/allOf (the first),
/// $ref within the schema, minimum, maximum, exclusive bounds, multipleOf, minLength, maxLength,
/// format.  Patterns and conditions are not.
[[nodiscard]] std::string satisfy(json::Value schema);

}  // namespace tollgate::demo
