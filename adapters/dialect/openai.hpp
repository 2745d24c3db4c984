// The dialect of OpenAI and of everybody who speaks like it.  What differs between such vendors is
// data (see Vendor). Shapes: https://platform.openai.com/docs/api-reference/chat, read 2026-11.
#pragma once

#include "adapters/codec/json_edit.hpp"
#include "adapters/dialect.hpp"
#include "adapters/vendor.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace tollgate::adapters {

class OpenAiDialect : public Dialect {
public:
    [[nodiscard]] std::string_view name() const noexcept override { return "openai"; }
    [[nodiscard]] Result<void> encode(const Request& request, const Target& target,
                                      UpstreamRequest& out) const override;
    [[nodiscard]] bool relays() const noexcept override { return true; }
    [[nodiscard]] std::unique_ptr<Decoder> decoder(Delivery delivery,
                                                   const DecodeContext& context) const override;
    [[nodiscard]] Failure classify(const ResponseInfo& head, std::string_view body) const override;
    [[nodiscard]] std::string models_path(const Endpoint& endpoint) const override;

protected:
    /// Path and query of an operation; `model` is the vendor's name for it.
    [[nodiscard]] virtual std::string target_path(Operation operation, const Endpoint& endpoint,
                                                  std::string_view model) const;
    /// Whether stream_options may be sent to this endpoint.
    [[nodiscard]] virtual bool takes_stream_options(const Endpoint& endpoint) const;
};

namespace openai {

/// The path part of a base URL, without a slash at its end: "/v1" of "https://api.openai.com/v1".
[[nodiscard]] std::string_view base_path(std::string_view base_url) noexcept;

/// Applies what the vendor's data says to the request (keys, roles, response_format), refusing what
/// it must.
[[nodiscard]] Result<void> apply_edits(const Request& request, const Vendor& vendor,
                                       json::ObjectEdit& edit);

/// Takes out of earlier answers in `messages` what the vendor's data calls foreign, and shortens
/// the ids of tool calls.  A conversation of the vendor's own is not touched.
void drop_foreign(const Request& request, const Vendor& vendor, json::ObjectEdit& edit);

/// Asks for usage at the end of a stream, keeping whatever else the client's stream_options say.
void ask_for_usage(const Request& request, json::ObjectEdit& edit);

/// Decoders of whole answers and of streams.
[[nodiscard]] std::unique_ptr<Decoder> make_decoder(Delivery delivery);

/// OpenAI's reason for a vendor's word, `none` for null, "" and "null"; unknown words mean `stop`.
[[nodiscard]] FinishReason finish_reason(std::string_view word) noexcept;
/// True for the words by which vendors say, in place of a reason, that they failed
/// ("insufficient_system_resource" …).
[[nodiscard]] bool is_failed_reason(std::string_view word) noexcept;

}  // namespace openai
}  // namespace tollgate::adapters
