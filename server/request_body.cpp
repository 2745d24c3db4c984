// The request's body: its type, its size, its content coding.
#include "adapters/codec/content_coding.hpp"
#include "server/dispatch.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace tollgate::server {
namespace {

constexpr std::string_view kJson = "application/json";

bool is_json_type(std::string_view type) noexcept {
    const std::string_view plain = type.substr(0, type.find(';'));
    const std::size_t end = plain.find_last_not_of(" \t");
    const std::string_view name = plain.substr(0, end == std::string_view::npos ? 0 : end + 1);
    return same_name(name, kJson) ||
           (name.size() > 5 && same_name(name.substr(name.size() - 5), "+json"));
}

}  // namespace

Task<Result<void>> Dispatch::read_body() {
    const std::uint64_t limit = snapshot_->settings().server.limits.body;
    const std::string_view type = x_.head.find("content-type");
    if (!type.empty() && !is_json_type(type)) {
        co_return fail(FailureKind::unsupported_media,
                       "The content type '" + std::string(type.substr(0, 100)) +
                           "' is not read here; send application/json.");
    }
    if (!x_.body.take_at_once(body_)) {
        Result<void> received = co_await x_.body.read_all(body_, limit);
        if (!received) {
            co_return received;
        }
    } else if (body_.size() > limit) {
        co_return fail(FailureKind::too_large, "The request body is larger than the limit of " +
                                                   std::to_string(limit) +
                                                   " bytes (server.limits.body).");
    }
    record_.bytes_in = body_.size();
    const std::string_view coding = x_.head.find("content-encoding");
    if (!coding.empty() && !same_name(coding, "identity")) {
        co_return undo_content_coding(coding, limit);
    }
    co_return Result<void>();
}

Result<void> Dispatch::undo_content_coding(std::string_view coding, std::uint64_t limit) {
    const std::unique_ptr<codec::ContentDecoder> decoder = codec::ContentDecoder::make(coding);
    if (!decoder) {
        return fail(FailureKind::unsupported_media,
                    "The content coding '" + std::string(coding.substr(0, 100)) +
                        "' is not read here; use gzip, br, zstd, deflate or none.");
    }
    std::string plain;
    Result<void> undone = decoder->feed(body_.view(), plain, static_cast<std::size_t>(limit));
    if (undone) {
        undone = decoder->end();
    }
    if (!undone) {
        const bool bomb = undone.error().kind == FailureKind::too_large;
        return fail(bomb ? FailureKind::too_large : FailureKind::bad_request,
                    bomb ? "The request body is larger than the limit of " + std::to_string(limit) +
                               " bytes once decompressed (server.limits.body)."
                         : "The request body is not valid " + std::string(coding.substr(0, 100)) +
                               ": " + undone.error().detail);
    }
    body_.release();
    body_.append(plain);
    return {};
}

}  // namespace tollgate::server
