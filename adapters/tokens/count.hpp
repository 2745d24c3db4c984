// Token counts of whole requests and answers, for what a vendor did not report and for what must be
// known before it can.  Results are estimates in any case: vendors add tokens of their own.
#pragma once

#include "adapters/request.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace tollgate::tokens {

/// How a model's text becomes tokens.
enum class Tokenizer : std::uint8_t {
    estimate,  ///< not published or not at hand: by the bytes (estimate.hpp)
    cl100k,
    o200k,
};

/// The tokenizer of a vendor's model id, with or without an "organisation/" before it.
[[nodiscard]] Tokenizer tokenizer_for(std::string_view model) noexcept;

/// Tokens of `text`.  Beyond 256 KiB only the beginning is counted and the rest taken to be like
/// it.
[[nodiscard]] std::uint64_t count(Tokenizer tokenizer, std::string_view text);

/// Prompt tokens of a request: messages with their frames, tools, schema; images and audio at their
/// usual price in tokens.  Takes about 40 ns a byte with a vocabulary.
[[nodiscard]] std::uint64_t count_prompt(Tokenizer tokenizer, const adapters::Request& request);

/// The same from a scan of the bytes alone, about 1 ns each: for decisions before the request is
/// sent.  Errs to the high side: names and punctuation of the JSON count as well.
[[nodiscard]] std::uint64_t estimate_prompt(const adapters::Request& request) noexcept;

/// Completion tokens of a whole answer of OpenAI's shape.
[[nodiscard]] std::uint64_t count_answer(Tokenizer tokenizer, std::string_view body);

/// What has been heard of a streamed answer so far, to be counted should the vendor never say.
class Heard {
public:
    /// A piece of text; `escaped`: as it stands in a JSON string.
    void add(std::string_view piece, bool escaped);
    [[nodiscard]] std::uint64_t tokens(Tokenizer tokenizer) const;
    [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
    /// The vendor has said: nothing more needs to be remembered.
    void forget() noexcept;

private:
    std::string text_;          // unescaped pieces are escaped where they would be misread
    std::uint64_t beyond_ = 0;  // bytes that were no longer kept
};

}  // namespace tollgate::tokens
