#include "server/upstream/read_all.hpp"

#include "adapters/codec/content_coding.hpp"

namespace tollgate::server::upstream {

Task<Result<void>> reach_head(Call& call, const adapters::UpstreamRequest& request, CallHead& head,
                              Interrupt& interrupt) {
    Result<void> step;
    if (!call.connect_at_once()) {
        step = co_await call.connect(interrupt);
    }
    if (step) {
        step = co_await call.send(request, interrupt);
    }
    if (step) {
        step = co_await call.receive_head(head, interrupt);
    }
    co_return step;
}

void undo_coding(const CallHead& head, std::size_t most, std::string& body) {
    if (head.content_encoding.empty()) {
        return;
    }
    const std::unique_ptr<codec::ContentDecoder> decoder =
        codec::ContentDecoder::make(head.content_encoding);
    std::string plain;
    if (decoder && decoder->feed(body, plain, most)) {
        body = std::move(plain);
    }
}

Task<Result<std::string>> read_all(Call& call, const CallHead& head, std::size_t most,
                                   Interrupt& interrupt) {
    std::string body;
    while (body.size() < most) {
        Result<std::string_view> bytes = co_await call.receive(interrupt);
        if (!bytes) {
            co_return std::unexpected(std::move(bytes.error()));
        }
        if (bytes->empty()) {
            break;
        }
        body.append(*bytes);
    }
    undo_coding(head, most, body);
    co_return body;
}

}  // namespace tollgate::server::upstream
