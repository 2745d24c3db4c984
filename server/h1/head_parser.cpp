#include "server/h1/head_parser.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include <limits>

namespace tollgate::server::h1 {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;

// Only the head passes through here; bodies are framed by h1/body.cpp.
class HeadParser final : public http::basic_parser<true> {
public:
    explicit HeadParser(RequestHead& head) : head_(head) {
        header_limit(std::numeric_limits<std::uint32_t>::max());  // the guard has the limit
        body_limit(boost::none);  // Beast refuses lengths above 1 MiB by itself
    }

private:
    using View = boost::beast::string_view;
    static std::string_view std_view(View view) noexcept { return {view.data(), view.size()}; }

    void on_request_impl(http::verb, View method, View target, int, error_code&) override {
        head_.method = std_view(method);
        head_.target = std_view(target);
    }
    void on_field_impl(http::field name, View name_text, View value, error_code&) override {
        head_.fields.push_back({.name = std_view(name_text), .value = std_view(value)});
        if (name == http::field::host) {
            head_.host = std_view(value);
        }
    }
    void on_response_impl(int, View, int, error_code&) override {}
    void on_header_impl(error_code&) override {}
    void on_body_init_impl(boost::optional<std::uint64_t> const&, error_code&) override {}
    std::size_t on_body_impl(View body, error_code&) override { return body.size(); }
    void on_chunk_header_impl(std::uint64_t, View, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, View body, error_code&) override {
        return body.size();
    }
    void on_finish_impl(error_code&) override {}

    RequestHead& head_;
};

void split_target(RequestHead& head) noexcept {
    std::string_view target = head.target;
    if (target.starts_with("http://") ||
        target.starts_with("https://")) {  // absolute form, RFC 9112 section 3.2.2
        const std::size_t authority = target.find("//") + 2;
        const std::size_t slash = target.find_first_of("/?", authority);
        head.host = target.substr(authority, slash - authority);
        target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
    }
    const std::size_t question = target.find('?');
    head.path = target.substr(0, question);
    head.query =
        question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
}

}  // namespace

bool parse_head(std::string_view bytes, RequestHead& head) {
    head.fields.clear();
    head.fields.reserve(12);
    HeadParser parser(head);
    error_code ec;
    parser.put(boost::asio::const_buffer(bytes.data(), bytes.size()), ec);
    if ((ec && ec != http::error::need_more) || !parser.is_header_done()) {
        return false;
    }
    split_target(head);
    return true;
}

}  // namespace tollgate::server::h1
