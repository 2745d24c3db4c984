// adapters/ — vendors are data, dialects are code.  One <vendor>.cpp per vendor and nothing else
// per vendor. May include: std, simdjson, OpenSSL's crypto (signers), failover/.  No Asio. Start
// here: Vendor below, then catalog.inc (the visible list), dialect.hpp, docs/adding-a-vendor.md.
#pragma once

#include "adapters/dialect.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace tollgate::adapters {

enum class VendorKind : std::uint8_t { cloud, local, aggregator, builtin };
enum class Region : std::uint8_t { any, overseas, china };

/// How a request proves who sends it.
enum class Auth : std::uint8_t {
    none,
    bearer,           ///< Authorization: Bearer <key>
    optional_bearer,  ///< bearer when a key is configured, else nothing (local servers)
    api_key_header,   ///< the header named by Vendor::auth_header carries the key
    google,  ///< x-goog-api-key for a plain key, OAuth bearer for a service account (gcp_jwt)
    sigv4,   ///< AWS Signature V4, or bearer when the key is a Bedrock API key
};

/// What a vendor can do, as a bit set.
enum class Op : std::uint16_t {
    none = 0,
    chat = 1,
    completions = 2,
    embeddings = 4,
    models = 8,
};
[[nodiscard]] constexpr Op operator|(Op a, Op b) noexcept {
    return static_cast<Op>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
[[nodiscard]] constexpr bool has(Op set, Op one) noexcept {
    return (static_cast<unsigned>(set) & static_cast<unsigned>(one)) != 0;
}

struct Rename {
    std::string_view from;
    std::string_view to;
};

/// Which name of the output limit an OpenAI-shaped vendor takes.
enum class TokenField : std::uint8_t { keep, max_tokens, max_completion_tokens };

/// Byte-range edits of a request for an OpenAI-shaped vendor.  Everything not named here reaches
/// the vendor untouched.
struct RequestEdits {
    std::span<const Rename> rename = {};  ///< top-level keys
    std::span<const std::string_view> drop =
        {};  ///< top-level keys removed silently (they only tune)
    std::span<const std::string_view> refuse =
        {};  ///< top-level keys answered with 400: the vendor would refuse them
    TokenField token_field = TokenField::keep;
    bool developer_as_system = false;    ///< role "developer" becomes "system"
    bool json_schema_as_object = false;  ///< response_format json_schema becomes json_object
    bool single_choice = false;          ///< n > 1 is refused
    /// Members of earlier answers and their tool calls that other vendors put there and this one
    /// refuses: their reasoning and its signatures.
    std::span<const std::string_view> foreign = {};
    std::size_t longest_call_id = 0;  ///< of tool calls; longer ones are replaced.  0: any
    bool takes_fallbacks =
        false;  ///< `models` is the vendor's own; others never see `models` and `fallbacks`
};

/// Where an OpenAI-shaped vendor puts usage in a stream.
enum class UsageIn : std::uint8_t {
    final_chunk,  ///< extra chunk with empty choices, when stream_options.include_usage is sent
    last_chunk,   ///< on the last content chunk, always; stream_options is not sent
    x_groq,       ///< final_chunk, or inside x_groq.usage
};

struct Paths {
    std::string_view chat = "/chat/completions";
    std::string_view completions = "/completions";
    std::string_view embeddings = "/embeddings";
    std::string_view models = "/models";
};

/// Everything the gateway knows about one vendor.  Constant-initialised, no functions.
struct Vendor {
    std::string_view name;          ///< as in `provider/model` and in the configuration
    std::string_view display = {};  ///< for people
    std::span<const std::string_view> aliases = {};  ///< other names accepted in the configuration
    VendorKind kind = VendorKind::cloud;
    Region region = Region::overseas;
    std::string_view base_url = {};  ///< empty: must be configured
    std::span<const std::string_view> key_env =
        {};  ///< environment variables that hold the key, first found wins
    std::span<const std::string_view> base_url_env = {};
    DialectName dialect = DialectName::openai;
    Auth auth = Auth::bearer;
    std::string_view auth_header = {};  ///< for Auth::api_key_header
    Op operations = Op::chat | Op::models;
    Paths paths = {};  ///< OpenAI-shaped vendors
    RequestEdits request = {};
    UsageIn usage_in = UsageIn::final_chunk;
    std::string_view default_model = {};
    std::span<const std::string_view> models =
        {};  ///< ids to list where the vendor has no list of its own (demo)
    std::string_view api_version = {};  ///< default for Endpoint::api_version
    std::string_view docs = {};         ///< the page that the facts come from
};

}  // namespace tollgate::adapters
