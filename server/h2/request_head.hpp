// From the fields of a header block to a RequestHead: one request has one meaning, or it is
// refused.  What passes here could be written as HTTP/1.1 and would mean the same (RFC 9113
// sections 8.2, 8.3 and 10.3).
#pragma once

#include "server/exchange.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::server::h2 {

struct HeadLimits {
    std::size_t list_bytes = 64 * 1024;  ///< as SETTINGS_MAX_HEADER_LIST_SIZE counts them
    std::size_t fields = 128;
};

/// A head with the memory that it views.
struct IncomingHead {
    RequestHead head;
    std::optional<std::uint64_t> content_length;
    bool expect_continue = false;
    bool head_only = false;  ///< HEAD; known for refused requests too
    std::unique_ptr<char[]> bytes;
};

struct HeadVerdict {
    enum class State : std::uint8_t {
        accepted,
        malformed,  ///< a stream error PROTOCOL_ERROR (RFC 9113 section 8.1.1)
        refused,    ///< answered with `status`
    };
    State state = State::accepted;
    std::uint16_t status = 400;
    std::string_view reason = {};  ///< a sentence with static storage
};

/// Collects one header block after another.
class HeadBuilder {
public:
    explicit HeadBuilder(const HeadLimits& limits) noexcept : limits_(limits) {}

    void begin() noexcept;
    /// False: the block has grown so far beyond every limit that the connection should end.
    [[nodiscard]] bool add(std::string_view name, std::string_view value);
    /// Judges what was added, and moves it to `out` where that is accepted.
    [[nodiscard]] HeadVerdict finish(IncomingHead& out);
    /// Judges what was added as trailers, which are dropped.
    [[nodiscard]] HeadVerdict finish_trailers();
    /// A field that nghttp2 has refused already.
    void reject() noexcept { malformed("A header has characters that are not allowed."); }

private:
    struct Range {
        std::uint32_t at = 0;
        std::uint32_t size = 0;
    };
    struct FieldRange {
        Range name;
        Range value;
    };
    [[nodiscard]] std::string_view text(Range range) const noexcept {
        return std::string_view(bytes_).substr(range.at, range.size);
    }
    [[nodiscard]] Range keep(std::string_view text);
    void add_pseudo(std::string_view name, std::string_view value);
    void add_regular(std::string_view name, std::string_view value);
    void check_special(std::string_view name, std::string_view value);
    void malformed(std::string_view reason) noexcept;
    void refuse(std::uint16_t status, std::string_view reason) noexcept;
    void check_target();
    void check_host();
    void move_to(IncomingHead& out) const;

    HeadLimits limits_;
    std::string bytes_;
    std::vector<FieldRange> fields_;
    std::optional<Range> method_;
    std::optional<Range> scheme_;
    std::optional<Range> path_;
    std::optional<Range> authority_;
    std::optional<Range> host_;
    std::optional<std::uint64_t> content_length_;
    bool expect_continue_ = false;
    std::size_t list_bytes_ = 0;
    std::size_t count_ = 0;
    HeadVerdict verdict_;
};

}  // namespace tollgate::server::h2
