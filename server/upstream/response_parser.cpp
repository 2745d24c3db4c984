#include "server/upstream/response_parser.hpp"

#include "server/exchange.hpp"
#include "server/upstream/answer_fields.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include <algorithm>
#include <cstring>

namespace tollgate::server::upstream {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using View = boost::beast::string_view;

std::string_view std_view(View view) noexcept {
    return {view.data(), view.size()};
}

// The fields that a Connection field nominates belong to this hop as well.
void drop_nominated(std::string_view connection, std::string& fields) {
    while (!connection.empty()) {
        const std::size_t comma = std::min(connection.find(','), connection.size());
        std::string_view name = connection.substr(0, comma);
        connection.remove_prefix(std::min(comma + 1, connection.size()));
        name.remove_prefix(std::min(name.find_first_not_of(" \t"), name.size()));
        name = name.substr(0, name.find_last_not_of(" \t") + 1);
        for (std::size_t line = 0; line < fields.size();) {
            const std::size_t next = fields.find("\r\n", line) + 2;
            if (same_name(std::string_view(fields).substr(line, fields.find(':', line) - line),
                          name)) {
                fields.erase(line, next - line);
            } else {
                line = next;
            }
        }
    }
}

class HeadParser final : public http::basic_parser<false> {
public:
    explicit HeadParser(CallHead& head) : head_(head) {
        header_limit(256 * 1024);
        body_limit(boost::none);  // Beast refuses lengths above 8 MiB by itself
    }
    [[nodiscard]] bool is_http11() const noexcept { return version_ == 11; }
    [[nodiscard]] std::string_view connection() const noexcept { return connection_; }

private:
    void on_request_impl(http::verb, View, View, int, error_code&) override {}
    void on_response_impl(int status, View, int version, error_code&) override {
        head_.status = static_cast<unsigned>(status);
        version_ = version;
    }
    void on_field_impl(http::field name, View text, View value, error_code&) override {
        if (name == http::field::connection) {
            connection_.append(connection_.empty() ? "" : ",").append(std_view(value));
            return;
        }
        take_field(head_, std_view(text), std_view(value));
    }
    void on_header_impl(error_code&) override {}
    void on_body_init_impl(boost::optional<std::uint64_t> const&, error_code&) override {}
    std::size_t on_body_impl(View, error_code&) override { return 0; }
    void on_chunk_header_impl(std::uint64_t, View, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, View, error_code&) override { return 0; }
    void on_finish_impl(error_code&) override {}

    CallHead& head_;
    std::string connection_;
    int version_ = 11;
};

}  // namespace

ResponseParser::HeadStep ResponseParser::head(std::string_view bytes, CallHead& out) {
    std::size_t at = 0;
    for (;;) {
        const std::string_view rest = bytes.substr(at);
        const std::size_t end = rest.find("\r\n\r\n");
        if (end == std::string_view::npos) {
            const bool plausible = std::string_view("HTTP/1.").starts_with(rest.substr(0, 7));
            return {.state = plausible ? HeadState::need_more : HeadState::malformed,
                    .consumed = 0};
        }
        out = CallHead();
        out.relayed.reserve(end);
        HeadParser parser(out);
        error_code ec;
        parser.put(boost::asio::const_buffer(rest.data(), end + 4), ec);
        if ((ec && ec != http::error::need_more) || !parser.is_header_done()) {
            return {.state = HeadState::malformed, .consumed = 0};
        }
        drop_nominated(parser.connection(), out.relayed);
        at += end + 4;
        // RFC 9110 section 15: there are none below 100; and nobody asked for an upgrade.
        if (out.status < 100 || out.status == 101) {
            return {.state = HeadState::malformed, .consumed = 0};
        }
        if (out.status < 200) {
            continue;
        }
        keep_alive_ = parser.keep_alive() && parser.is_http11();
        if (out.status == 204 || out.status == 304) {
            framing_ = Framing::length;
        } else if (parser.chunked()) {
            framing_ = Framing::chunked;
        } else if (const auto length = parser.content_length()) {
            framing_ = Framing::length;
            left_ = *length;
            out.content_length = left_;
        } else {
            framing_ = Framing::until_close;
            keep_alive_ = false;
        }
        return {.state = HeadState::done, .consumed = at};
    }
}

ResponseParser::BodyStep ResponseParser::body(char* data, std::size_t size) noexcept {
    BodyStep step;
    switch (framing_) {
        case Framing::until_close:
            step.size = size;
            return step;
        case Framing::length:
            step.size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, size));
            left_ -= step.size;
            step.ended = left_ == 0;
            step.excess = step.size < size;
            return step;
        case Framing::chunked:
            break;
    }
    std::size_t at = 0;
    while (at < size && !chunks_.finished() && !chunks_.failed()) {
        const h1::ChunkedDecoder::Step piece = chunks_.feed({data + at, size - at});
        at += piece.consumed;
        if (!piece.body.empty()) {
            std::memmove(data + step.size, piece.body.data(), piece.body.size());
            step.size += piece.body.size();
        }
    }
    step.ended = chunks_.finished();
    step.malformed = chunks_.failed();
    step.excess = step.ended && at < size;
    return step;
}

}  // namespace tollgate::server::upstream
