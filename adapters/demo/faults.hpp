// What the demo vendor is told to do wrong: the header x-tollgate-demo of one request, over
// defaults from the configuration.
//   x-tollgate-demo: fault=rate_limit; retry_after=2s; latency=200ms; fail=2
#pragma once

#include "failover/failure.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tollgate::demo {

inline constexpr std::string_view kHeader = "x-tollgate-demo";

enum class Fault : std::uint8_t {
    none,
    rate_limit,    ///< 429 with Retry-After
    server_error,  ///< 500, or what `status` says (500–599)
    auth,          ///< 401, as for a wrong key
    filtered,      ///< 400 with code content_filter
    stall,         ///< accepts the request and never answers
    reset,         ///< closes the connection without an answer
    empty,         ///< 200 and a stream without any event (whole answers: an empty body)
    malformed,     ///< 200 and bytes that are neither JSON nor an event
    cut,           ///< closes in the middle: after `after` events, or in the middle of a whole body
    stream_error,  ///< an error event inside a 200 stream, after `after` events (whole answers: an
                   ///< error body with 200)
    slow,          ///< answers well, `slow` later
};
[[nodiscard]] std::string_view to_string(Fault fault) noexcept;
[[nodiscard]] std::optional<Fault> fault_named(std::string_view name) noexcept;

/// How one request is to be answered.  Also the form of the configuration's defaults.
struct DemoPlan {
    Fault fault = Fault::none;
    std::chrono::milliseconds latency{0};         ///< before the head
    std::chrono::milliseconds slow{1000};         ///< added to it by the fault of that name
    std::chrono::milliseconds chunk_delay{0};     ///< before each event but the first
    std::chrono::milliseconds retry_after{1000};  ///< told with rate_limit
    std::uint16_t status = 500;                   ///< of server_error
    std::size_t after = 3;   ///< events before cut and stream_error (header key: cut_after)
    std::size_t chunks = 0;  ///< > 0: text pieces of the answer, see ModelContext
    std::uint32_t fail = 0;  ///< > 0: only so many first attempts of a request get the fault

    /// The fault for one attempt, counted from 0 within its request.
    [[nodiscard]] Fault fault_for(std::uint32_t attempt) const noexcept {
        return fail > 0 && attempt >= fail ? Fault::none : fault;
    }
};

/// Reads the header over `defaults`; an empty header gives the defaults.  Parts are `key=value`,
/// separated by ';'; times are `200ms`, `2s` or `1m`.  Failures are bad_request naming the part.
[[nodiscard]] Result<DemoPlan> parse_plan(std::string_view header, const DemoPlan& defaults);

/// Between 0 and 1, the same for the same call: whether the `call`th of a vendor gets the fault.
[[nodiscard]] double draw(std::uint64_t seed, std::uint64_t call) noexcept;

/// The bytes of a faulty answer: what stands instead of the model's.
struct FaultAnswer {
    unsigned status = 200;
    std::string body = {};                        ///< application/json, but for malformed and empty
    std::optional<std::string> retry_after = {};  ///< header value, whole seconds rounded up
};
/// For the faults that are whole answers: rate_limit, server_error, auth, filtered, empty,
/// malformed.  Nothing for the others, which are deeds of the connection.
[[nodiscard]] std::optional<FaultAnswer> fault_answer(Fault fault, const DemoPlan& plan);
/// The error of stream_error as a JSON body.
[[nodiscard]] std::string stream_error_body();
/// The same as an SSE frame.
[[nodiscard]] std::string stream_error_event();

}  // namespace tollgate::demo
