#include "server/h1/chunked.hpp"

#include <algorithm>

namespace tollgate::server::h1 {
namespace {

constexpr std::uint64_t kMostChunk = std::uint64_t{1} << 40;
constexpr std::size_t kMostOverhead = 16 * 1024;

int hex(char c) noexcept {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char low = static_cast<char>(c | 0x20);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

bool is_control(char c) noexcept {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
}

// RFC 9110 section 5.6.2.
bool is_token(char c) noexcept {
    const char low = static_cast<char>(c | 0x20);
    return (c >= '0' && c <= '9') || (low >= 'a' && low <= 'z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

}  // namespace

ChunkedDecoder::State ChunkedDecoder::next(char c) noexcept {
    switch (state_) {
        case State::size_first:
        case State::size:
            if (const int digit = hex(c); digit >= 0) {
                overhead_ += state_ == State::size && left_ == 0
                                 ? 1
                                 : 0;  // leading zeros must not go on for ever either
                left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
                return left_ > kMostChunk || overhead_ > kMostOverhead ? State::failed
                                                                       : State::size;
            }
            if (state_ == State::size_first) {
                return State::failed;
            }
            return c == '\r' ? State::size_lf : c == ';' ? State::extension : State::failed;
        case State::extension:
            if (c == '\r') {
                return State::size_lf;
            }
            return is_control(c) || ++overhead_ > kMostOverhead ? State::failed : State::extension;
        case State::size_lf:
            if (c != '\n') {
                return State::failed;
            }
            return left_ == 0 ? State::trailer_start : State::data;
        case State::data_cr:
            return c == '\r' ? State::data_lf : State::failed;
        case State::data_lf:
            return c == '\n' ? State::size_first : State::failed;
        case State::trailer_start:
            if (c == '\r') {
                return State::end_lf;
            }
            return is_token(c) && ++overhead_ <= kMostOverhead ? State::trailer_name
                                                               : State::failed;
        case State::trailer_name:
            if ((c != ':' && !is_token(c)) || ++overhead_ > kMostOverhead) {
                return State::failed;
            }
            return c == ':' ? State::trailer : State::trailer_name;
        case State::trailer:
            if (c == '\r') {
                return State::trailer_lf;
            }
            return is_control(c) || ++overhead_ > kMostOverhead ? State::failed : State::trailer;
        case State::trailer_lf:
            return c == '\n' ? State::trailer_start : State::failed;
        case State::end_lf:
            return c == '\n' ? State::finished : State::failed;
        case State::data:
        case State::finished:
        case State::failed:
            break;
    }
    return state_;
}

ChunkedDecoder::Step ChunkedDecoder::feed(std::string_view bytes) noexcept {
    std::size_t at = 0;
    while (at < bytes.size() && state_ != State::finished && state_ != State::failed) {
        if (state_ == State::data) {
            const std::size_t take =
                static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size() - at));
            left_ -= take;
            if (left_ == 0) {
                state_ = State::data_cr;
            }
            return {.consumed = at + take, .body = bytes.substr(at, take)};
        }
        state_ = next(bytes[at++]);
    }
    return {.consumed = at, .body = {}};
}

}  // namespace tollgate::server::h1
