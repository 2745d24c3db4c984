// A prompt's text as the classifier reads it: code points in lower case, JSON's escapes undone, of
// a long text the beginning and the end.
#pragma once

#include "router/auto/prompt.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace tollgate::router {

/// What a code point is to the words of a text.
enum class Glyph : std::uint8_t {
    letter,  ///< of a script that writes words
    ideo,    ///< of a script that does not part words: Han, kana, Thai ...
    digit,
    space,
    newline,
    symbol,
};
[[nodiscard]] Glyph glyph_of(char32_t point) noexcept;
/// Lower case of Latin, Greek and Cyrillic letters; full-width forms as their ASCII twins.
[[nodiscard]] char32_t folded(char32_t point) noexcept;

/// Fixed size, so that no prompt costs more than another of some thousand characters.
class Sample {
public:
    static constexpr std::size_t kHead = 512;  ///< code points whose words are read
    static constexpr std::size_t kTail = 320;  ///< at the end, likewise

    explicit Sample(const PromptOutline& outline) noexcept;

    /// The user's text as far as it was read, up to 3,072 code points: all of a shorter one.  A
    /// short follow-up stands behind the conversation's first question, which says what it is
    /// about; without any text of the user there is the system message.
    [[nodiscard]] std::span<const char32_t> body() const noexcept { return {body_.data(), size_}; }
    [[nodiscard]] std::span<const char32_t> head() const noexcept {
        return body().first(size_ <= kHead + kTail ? size_ : kHead);
    }
    /// Empty where the head is the whole text.
    [[nodiscard]] std::span<const char32_t> tail() const noexcept {
        return body().last(size_ <= kHead + kTail ? 0 : kTail);
    }
    [[nodiscard]] std::size_t upper() const noexcept { return upper_; }  ///< letters of the body
    [[nodiscard]] bool starts_upper() const noexcept { return starts_upper_; }
    /// Of the user's whole text, as it stands in the request.
    [[nodiscard]] std::size_t raw_bytes() const noexcept { return raw_bytes_; }

private:
    static constexpr std::size_t kBegin = 2048;
    static constexpr std::size_t kEnd = 1024;
    void read(const RawText& text, std::size_t limit) noexcept;
    void add(char32_t point) noexcept;

    std::array<char32_t, kBegin + kEnd> body_;
    std::size_t size_ = 0;
    std::size_t upper_ = 0;
    std::size_t raw_bytes_ = 0;
    bool starts_upper_ = false;
};

}  // namespace tollgate::router
