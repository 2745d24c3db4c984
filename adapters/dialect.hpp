// A dialect is a wire protocol that vendors share: how a request is said to them and how their
// answers are read. Stateless and shared by all workers.  See docs/adding-a-vendor.md.
#pragma once

#include "adapters/event.hpp"
#include "adapters/request.hpp"
#include "failover/failure.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tollgate::adapters {

struct Vendor;

struct Header {
    std::string name;
    std::string value;
};

/// Where one request goes: a vendor plus what the configuration says about this instance of it.
/// Owned by the snapshot; outlives every exchange that uses it.
struct Endpoint {
    const Vendor* vendor = nullptr;
    std::string provider;  ///< the instance's name in the configuration, e.g. "my_vllm"
    std::string base_url;  ///< no trailing slash; scheme, authority and path prefix
    std::string
        api_version;      ///< azure: the api-version query; anthropic: the anthropic-version header
    std::string project;  ///< vertex_ai
    std::string location;         ///< vertex_ai: location; bedrock: region
    std::vector<Header> headers;  ///< extra headers from the configuration
    std::vector<std::pair<std::string, std::string>>
        deployments;  ///< model -> deployment (azure), or any rename
    /// The vendor's name for `model`: the deployment map's, else the model itself.
    [[nodiscard]] std::string_view upstream_model(std::string_view model) const noexcept;
};

/// One try at one endpoint with one model.  Views live for the attempt.
struct Target {
    const Endpoint* endpoint = nullptr;
    std::string_view model;  ///< the vendor's model id, without the provider prefix
};

/// The bytes of an upstream body as a gather list: views of the client's own bytes and pieces owned
/// here.
class BodyPieces {
public:
    /// Refers to `bytes`, which must outlive this list.
    void view(std::string_view bytes) {
        if (!bytes.empty()) {
            pieces_.push_back(bytes);
            size_ += bytes.size();
        }
    }
    /// Keeps `bytes` here.
    void own(std::string bytes) {
        if (!bytes.empty()) {
            owned_.push_back(std::move(bytes));
            view(owned_.back());
        }
    }
    [[nodiscard]] const std::vector<std::string_view>& pieces() const noexcept { return pieces_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::string joined() const {
        std::string all;
        all.reserve(size_);
        for (const std::string_view piece : pieces_) {
            all.append(piece);
        }
        return all;
    }

private:
    std::deque<std::string>
        owned_;  // deque: growing it never moves the strings that pieces_ refers to
    std::vector<std::string_view> pieces_;
    std::size_t size_ = 0;
};

/// What goes upstream, before authentication.
struct UpstreamRequest {
    std::string_view method = "POST";  ///< static storage
    std::string target;  ///< absolute path and query, percent-encoded, e.g. "/v1/chat/completions"
    std::vector<Header>
        headers;  ///< beyond host, content-length, content-type: application/json, accept
    BodyPieces body;
};

/// How the answer comes: one body, or a stream of events.
enum class Delivery : std::uint8_t { whole, stream };

/// The parts of an upstream response head that translators look at.
struct ResponseInfo {
    unsigned status = 0;
    std::string_view content_type;
    std::string_view retry_after;     ///< raw header value, empty when absent
    std::string_view retry_after_ms;  ///< raw header value, empty when absent
    std::string_view error_type =
        {};  ///< raw x-amzn-errortype, empty when absent: AWS names its exceptions there
};

/// What a decoder needs to know about the request that it answers.
struct DecodeContext {
    std::string_view model;  ///< the vendor's model id; lives as long as the decoder
};

class Dialect {
public:
    virtual ~Dialect() = default;
    [[nodiscard]] virtual std::string_view name() const noexcept = 0;

    /// Builds the upstream request: path, headers, body.  Refuses with bad_request (naming field
    /// and vendor) what the vendor cannot express and silence would falsify; drops what merely
    /// tunes.  `out.body` may view `request.body`. The caller only asks for operations that the
    /// vendor lists.
    [[nodiscard]] virtual Result<void> encode(const Request& request, const Target& target,
                                              UpstreamRequest& out) const = 0;

    /// True where the vendor's answers already have OpenAI's shape: they are relayed as read and
    /// only observed.
    [[nodiscard]] virtual bool relays() const noexcept { return false; }

    /// A decoder for a 2xx answer to a chat or completions request.  Never null.
    [[nodiscard]] virtual std::unique_ptr<Decoder> decoder(Delivery delivery,
                                                           const DecodeContext& context) const = 0;

    /// Turns a 2xx embeddings answer into OpenAI's shape.  Dialects that relay() are never asked.
    /// `usage` comes in with what the caller knows (an estimate, a header) and leaves with what the
    /// body reports, where it does.
    [[nodiscard]] virtual Result<std::string> embeddings(std::string_view body,
                                                         const Request& request,
                                                         const Target& target, Usage& usage) const;

    /// Reads a non-2xx answer (or an error found inside a 2xx one): kind, message, retry time.
    /// Never throws on garbage: a body that is not the vendor's error shape is quoted (bounded) in
    /// `detail`.
    [[nodiscard]] virtual Failure classify(const ResponseInfo& head,
                                           std::string_view body) const = 0;

    /// Path and query that list the vendor's models; empty: the vendor has no list.
    [[nodiscard]] virtual std::string models_path(const Endpoint& endpoint) const;
    /// Model ids out of such a list.
    [[nodiscard]] virtual Result<std::vector<std::string>> models(std::string_view body) const;
};

/// The dialects that exist.  An enum, not a pointer, so that vendor files stay constant-initialised
/// data.
enum class DialectName : std::uint8_t {
    openai,
    azure,
    anthropic,
    gemini,
    vertex,
    bedrock,
    cohere,
    ollama
};
inline constexpr std::size_t kDialects = 8;
/// The one object of a dialect.  Static storage, stateless, usable from every thread.
[[nodiscard]] const Dialect& dialect(DialectName name) noexcept;
namespace dialects {  // each defined in its own dialect/<name>.cpp; only dialect() calls them
[[nodiscard]] const Dialect& openai() noexcept;
[[nodiscard]] const Dialect& azure() noexcept;
[[nodiscard]] const Dialect& anthropic() noexcept;
[[nodiscard]] const Dialect& gemini() noexcept;
[[nodiscard]] const Dialect& vertex() noexcept;
[[nodiscard]] const Dialect& bedrock() noexcept;
[[nodiscard]] const Dialect& cohere() noexcept;
[[nodiscard]] const Dialect& ollama() noexcept;
}  // namespace dialects

/// The kind for an HTTP status by itself (400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 5xx,
/// 529); dialects refine it.
[[nodiscard]] FailureKind kind_of_status(unsigned status) noexcept;
/// retry-after-ms, then retry-after as seconds or as an HTTP date (relative to `now_unix`); nothing
/// when absent or absurd.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_retry_after(const ResponseInfo& head,
                                                                         std::int64_t now_unix);
/// Any of the error shapes seen in the field: the message, type/code where there is one.  Used by
/// OpenAI-shaped vendors.
[[nodiscard]] Failure classify_common(const ResponseInfo& head, std::string_view body);
/// Percent-encodes one path segment (everything but A–Z a–z 0–9 - _ . ~).
[[nodiscard]] std::string encode_segment(std::string_view segment);

}  // namespace tollgate::adapters
