// The shapes of a text that no single word tells: its lines, its signs, its parts.
#pragma once

#include "router/auto/sample.hpp"

#include <cstddef>
#include <span>

namespace tollgate::router {

/// Counts over the body of a sample.
struct Structure {
    std::size_t size = 0;
    std::size_t letters = 0;
    std::size_t digits = 0;
    std::size_t numbers = 0;  ///< runs of digits
    std::size_t newlines = 0;
    std::size_t paragraphs = 0;  ///< gaps of empty lines
    std::size_t longest_line = 0;
    std::size_t first_line = 0;  ///< length of the first line that is not empty
    std::size_t last_line = 0;
    std::size_t questions = 0;
    std::size_t exclamations = 0;
    std::size_t code_signs = 0;  ///< {}()[];=<>_#&|
    std::size_t math_signs = 0;  ///< operators of Unicode, × ÷ ^ √ π
    std::size_t latex = 0;       ///< backslash and letter
    std::size_t dollars = 0;
    std::size_t prices = 0;  ///< a currency sign and a digit
    std::size_t percents = 0;
    std::size_t sums = 0;  ///< digit, operator, digit
    std::size_t equals = 0;
    std::size_t options = 0;       ///< A) B. (C) in order
    std::size_t line_options = 0;  ///< of them, at the beginning of lines
    std::size_t numbered = 0;      ///< lines that begin "1."
    std::size_t bullets = 0;
    std::size_t speakers = 0;     ///< lines that begin "Name:"
    std::size_t indented = 0;     ///< lines
    std::size_t brace_ends = 0;   ///< lines that end in { } ; or ):
    std::size_t comma_lines = 0;  ///< lines with three commas or more, and few words between
    std::size_t pipe_lines = 0;
    std::size_t quoted = 0;  ///< characters within the longest pair of quotes
    std::size_t quotes = 0;
    std::size_t fences = 0;
    std::size_t backticks = 0;
    std::size_t triple_quotes = 0;
    std::size_t arrows = 0;   ///< -> and =>
    std::size_t prompts = 0;  ///< >>>
    std::size_t tags = 0;     ///< <a or </a
    std::size_t times = 0;    ///< 12:30
    std::size_t links = 0;    ///< :// or @
    std::size_t paths = 0;    ///< a/b, .ext
    std::size_t blanks = 0;   ///< ___ or ...
    std::size_t colons = 0;   ///< lines that end in a colon
    std::size_t emoji = 0;
    std::size_t keys = 0;  ///< "name": as in JSON
    char32_t last = 0;     ///< sign that is no space
    char32_t first = 0;
    std::size_t latin = 0;  ///< letters of each script
    std::size_t han = 0;
    std::size_t kana = 0;
    std::size_t hangul = 0;
    std::size_t cyrillic = 0;
    std::size_t arabic = 0;
    std::size_t devanagari = 0;
};

[[nodiscard]] Structure structure_of(std::span<const char32_t> body) noexcept;

}  // namespace tollgate::router
