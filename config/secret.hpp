// A string that never prints.
#pragma once

#include <string>
#include <string_view>

namespace tollgate::config {

/// Holds an API key, a password or anything that may contain one.  It has no stream operator and no
/// conversion: the only way out is reveal(), so that every use is easy to find.  Its memory is
/// wiped when it is destroyed or overwritten.
class Secret {
public:
    Secret() = default;
    /// Takes the text over and wipes what is left behind in `text`.
    explicit Secret(std::string&& text);
    explicit Secret(std::string_view text) : text_(text) {}
    Secret(const Secret& other) = default;
    Secret(Secret&& other) noexcept;
    Secret& operator=(const Secret& other);
    Secret& operator=(Secret&& other) noexcept;
    ~Secret();

    /// The text itself; the view lives as long as this object is not assigned to.
    [[nodiscard]] std::string_view reveal() const noexcept { return text_; }
    [[nodiscard]] bool empty() const noexcept { return text_.empty(); }

    /// Takes the same time wherever the two differ; only the length can be told from it.
    [[nodiscard]] friend bool operator==(const Secret& a, const Secret& b) noexcept {
        return same_bytes(a.text_, b.text_);
    }
    /// The comparison behind ==, for text that is not (yet) a Secret, such as a caller's header.
    [[nodiscard]] static bool same_bytes(std::string_view a, std::string_view b) noexcept;

    /// What formatting libraries print.
    [[nodiscard]] friend std::string_view format_as(const Secret&) noexcept { return "***"; }
    [[nodiscard]] friend std::string to_string(const Secret&) { return "***"; }

private:
    std::string text_;
};

/// Overwrites the bytes of `text` (its spare capacity included) in a way that the compiler keeps,
/// then clears it.
void wipe(std::string& text) noexcept;

}  // namespace tollgate::config
