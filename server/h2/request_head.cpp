#include "server/h2/request_head.hpp"

#include "server/field_syntax.hpp"
#include "server/io/give_back.hpp"

#include <algorithm>
#include <cstring>

namespace tollgate::server::h2 {
namespace {

using State = HeadVerdict::State;

// RFC 9113 section 6.5.2: what a field counts beyond its characters.
constexpr std::size_t kFieldOverhead = 32;
// A block that unpacks to so many times the limit is not an honest mistake.
constexpr std::size_t kBombFactor = 4;

// RFC 9113 section 8.2.2.
bool is_connection_field(std::string_view name) noexcept {
    return name == "connection" || name == "keep-alive" || name == "proxy-connection" ||
           name == "transfer-encoding" || name == "upgrade";
}

bool has_upper_case(std::string_view text) noexcept {
    return std::any_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t';
}

}  // namespace

void HeadBuilder::begin() noexcept {
    bytes_.clear();
    fields_.clear();
    method_.reset();
    scheme_.reset();
    path_.reset();
    authority_.reset();
    host_.reset();
    content_length_.reset();
    expect_continue_ = false;
    list_bytes_ = 0;
    count_ = 0;
    verdict_ = HeadVerdict();
}

HeadBuilder::Range HeadBuilder::keep(std::string_view text) {
    const Range range{.at = static_cast<std::uint32_t>(bytes_.size()),
                      .size = static_cast<std::uint32_t>(text.size())};
    bytes_.append(text);
    return range;
}

// The first problem stands, but a malformed request is malformed whatever else it is.
void HeadBuilder::malformed(std::string_view reason) noexcept {
    if (verdict_.state != State::malformed) {
        verdict_ = {.state = State::malformed, .reason = reason};
    }
}

void HeadBuilder::refuse(std::uint16_t status, std::string_view reason) noexcept {
    if (verdict_.state == State::accepted) {
        verdict_ = {.state = State::refused, .status = status, .reason = reason};
    }
}

bool HeadBuilder::add(std::string_view name, std::string_view value) {
    list_bytes_ += name.size() + value.size() + kFieldOverhead;
    ++count_;
    if (list_bytes_ > limits_.list_bytes) {
        refuse(431, "The request head is larger than the limit.");
        return list_bytes_ <= kBombFactor * limits_.list_bytes;
    }
    if (name.empty()) {
        malformed("A header has no name.");
    } else if (name.front() == ':') {
        add_pseudo(name, value);
    } else {
        add_regular(name, value);
    }
    return true;
}

void HeadBuilder::add_pseudo(std::string_view name, std::string_view value) {
    std::optional<Range>* const slot = name == ":method"      ? &method_
                                       : name == ":scheme"    ? &scheme_
                                       : name == ":path"      ? &path_
                                       : name == ":authority" ? &authority_
                                                              : nullptr;
    if (slot == nullptr) {
        return malformed("There is a pseudo-header that requests do not have.");
    }
    if (!fields_.empty()) {
        return malformed("A pseudo-header follows a header.");
    }
    if (slot->has_value()) {
        return malformed("A pseudo-header is given twice.");
    }
    *slot = keep(value);
}

void HeadBuilder::add_regular(std::string_view name, std::string_view value) {
    if (!is_token(name) || has_upper_case(name)) {
        return malformed("A header name has characters that are not allowed.");
    }
    if (!is_field_value(value) ||
        (!value.empty() && (is_blank(value.front()) || is_blank(value.back())))) {
        return malformed("A header value has characters that are not allowed.");
    }
    if (fields_.size() >= limits_.fields) {
        return refuse(431, "The request has too many header fields.");
    }
    const Range kept_name = keep(name);
    const Range kept_value = keep(value);
    fields_.push_back({.name = kept_name, .value = kept_value});
    check_special(name, value);
}

void HeadBuilder::check_special(std::string_view name, std::string_view value) {
    if (is_connection_field(name)) {
        malformed("There is a header that belongs to an HTTP/1.1 connection.");
    } else if (name == "te") {
        if (value != "trailers") {
            malformed("TE says something else than trailers.");
        }
    } else if (name == "host") {
        if (host_) {
            malformed("There is more than one Host field.");
        }
        host_ = fields_.back().value;
    } else if (name == "content-length") {
        const std::optional<std::uint64_t> length = plain_number(value);
        if (!length || content_length_) {
            malformed("The Content-Length is not one plain number.");
        }
        content_length_ = length;
    } else if (name == "expect") {
        if (!same_name(value, "100-continue")) {
            refuse(417, "The only expectation met here is 100-continue.");
        }
        expect_continue_ = true;
    }
}

void HeadBuilder::check_target() {
    if (!method_ || !is_token(text(*method_))) {
        return malformed("The method is not a token.");
    }
    if (text(*method_) == "CONNECT") {
        if (scheme_ || path_ || !authority_) {  // RFC 9113 section 8.5
            return malformed("A CONNECT request has a scheme or a path.");
        }
        return refuse(400, "CONNECT is not served here.");
    }
    if (!scheme_ || !path_ || text(*scheme_).empty() || text(*path_).empty()) {
        return malformed("A request has no scheme or no path.");
    }
    if (!same_name(text(*scheme_), "http") && !same_name(text(*scheme_), "https")) {
        return refuse(400, "The scheme is neither http nor https.");
    }
    const std::string_view path = text(*path_);
    if (path.front() != '/' && !(path == "*" && text(*method_) == "OPTIONS")) {
        return malformed("The path does not start with a slash.");
    }
    if (!is_field_value(path)) {
        return malformed("The path has control characters.");
    }
    if (!is_target_text(path)) {
        return refuse(400, "The request target has characters that must be percent-encoded.");
    }
}

void HeadBuilder::check_host() {
    if (!authority_ && !host_) {
        return refuse(400, "There is neither :authority nor Host.");
    }
    if (authority_ && (!is_host(text(*authority_)) || text(*authority_).empty())) {
        return malformed("The :authority is not a valid host.");
    }
    if (host_ && !is_host(text(*host_))) {
        return malformed("The Host field is not a valid host.");
    }
    if (authority_ && host_ && !same_name(text(*authority_), text(*host_))) {
        malformed("The Host field and :authority differ.");
    }
}

HeadVerdict HeadBuilder::finish(IncomingHead& out) {
    if (verdict_.status != 431 || verdict_.state != State::refused) {  // 431: some may be missing
        check_target();
        check_host();
    }
    out.head_only = method_ && text(*method_) == "HEAD";
    if (verdict_.state == State::accepted) {
        move_to(out);
    }
    if (bytes_.capacity() > 16 * 1024) {  // most heads are small; do not keep room for the others
        give_back(bytes_);
    }
    return verdict_;
}

HeadVerdict HeadBuilder::finish_trailers() {
    if (method_ || scheme_ || path_ || authority_) {  // RFC 9113 section 8.1
        malformed("There is a pseudo-header among the trailers.");
    }
    return verdict_;
}

void HeadBuilder::move_to(IncomingHead& out) const {
    out.bytes = std::make_unique_for_overwrite<char[]>(bytes_.size());
    std::memcpy(out.bytes.get(), bytes_.data(), bytes_.size());
    const auto view = [&](Range range) {
        return std::string_view(out.bytes.get() + range.at, range.size);
    };
    RequestHead& head = out.head;
    head.method = view(*method_);
    head.target = view(*path_);
    const std::size_t question = head.target.find('?');
    head.path = head.target.substr(0, question);
    head.query =
        question == std::string_view::npos ? std::string_view() : head.target.substr(question + 1);
    head.host = authority_ ? view(*authority_) : view(*host_);
    head.fields.clear();
    head.fields.reserve(fields_.size());
    for (const FieldRange& field : fields_) {
        head.fields.push_back({.name = view(field.name), .value = view(field.value)});
    }
    out.content_length = content_length_;
    out.expect_continue = expect_continue_;
}

}  // namespace tollgate::server::h2
