#include "server/upstream/h2_stream.hpp"

#include "server/io/give_back.hpp"
#include "server/upstream/answer_fields.hpp"
#include "server/upstream/h2_session.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace tollgate::server::upstream {
namespace {

// Most chunks of a stream are far smaller: what held a larger one is not kept for the next.
constexpr std::size_t kKeptBuffer = 16 * 1024;

}  // namespace

H2Place::H2Place(H2Session& session) noexcept : session_(&session) {
    session.reserve();
}

H2Place::~H2Place() {
    if (session_ != nullptr) {
        session_->unreserve();
    }
}

H2Stream::~H2Stream() {
    if (session_ != nullptr) {
        session_->cancel(*this);
    }
    if (listed_in_ != nullptr) {
        listed_in_->unlist(*this);
    }
}

void H2Stream::open(H2Place place, const adapters::UpstreamRequest& request) {
    if (request.body.size() > 0) {
        upload_ = &request.body;
    }
    place.session()->open(*this, request);
}

std::string_view H2Stream::take() {
    handed_.swap(arrived_);
    arrived_.clear();
    if (arrived_.capacity() > kKeptBuffer) {
        give_back(arrived_);
    }
    owed_ += handed_.size();
    return handed_;
}

void H2Stream::give_back_window() noexcept {
    if (owed_ > 0 && session_ != nullptr) {
        session_->consumed(*this, owed_);
    }
    owed_ = 0;
}

void H2Stream::fail(FailureKind kind, std::string detail, Fate fate) {
    if (!failure_ && !ended_) {
        failure_ = Failure{.kind = kind, .detail = std::move(detail)};
        fate_ = head_done_ ? Fate::unknown : fate;
    }
}

// False: an interim answer, which is skipped over.  nghttp2 lets no 101 through.
bool H2Stream::take_head() noexcept {
    head_done_ = head_.status >= 200;
    if (!head_done_) {
        head_ = CallHead();
    }
    return head_done_;
}

bool H2Stream::field(std::string_view name, std::string_view value) {
    if (name == ":status") {  // nghttp2 has checked that it is there once, first, and three digits
        std::from_chars(value.data(), value.data() + value.size(), head_.status);
        if (head_.status < 100) {  // RFC 9110 section 15; nghttp2 takes it for a final one
            fail(FailureKind::protocol_error,
                 "the answer's status is " + std::string(value) + ", which is none", Fate::unknown);
            return false;
        }
        return true;
    }
    if (name == "content-length") {
        std::uint64_t length = 0;
        const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), length);
        if (ec == std::errc()) {
            head_.content_length = length;
        }
    }
    take_field(head_, name, value);
    return true;
}

std::size_t H2Stream::read_upload(char* out, std::size_t size, bool& last) noexcept {
    const std::vector<std::string_view>& pieces = upload_->pieces();
    std::size_t done = 0;
    while (done < size && upload_piece_ < pieces.size()) {
        const std::string_view rest = pieces[upload_piece_].substr(upload_offset_);
        const std::size_t take = std::min(rest.size(), size - done);
        std::memcpy(out + done, rest.data(), take);
        done += take;
        upload_offset_ += take;
        if (take == rest.size()) {
            ++upload_piece_;
            upload_offset_ = 0;
        }
    }
    last = upload_piece_ == pieces.size();
    if (last) {
        upload_ = nullptr;
    }
    return done;
}

}  // namespace tollgate::server::upstream
