#include "adapters/dialect.hpp"

namespace tollgate::adapters {

// In a file of its own: whoever links it links every dialect.
const Dialect& dialect(DialectName name) noexcept {
    switch (name) {
        case DialectName::openai:
            return dialects::openai();
        case DialectName::azure:
            return dialects::azure();
        case DialectName::anthropic:
            return dialects::anthropic();
        case DialectName::gemini:
            return dialects::gemini();
        case DialectName::vertex:
            return dialects::vertex();
        case DialectName::bedrock:
            return dialects::bedrock();
        case DialectName::cohere:
            return dialects::cohere();
        case DialectName::ollama:
            return dialects::ollama();
    }
    return dialects::openai();
}

}  // namespace tollgate::adapters
