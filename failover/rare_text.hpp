// A text that is hardly ever there: one pointer, where an empty std::string takes 32 bytes.  For
// what stands in thousands of waiting coroutines.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace tollgate::failover {

class RareText {
public:
    RareText() noexcept = default;
    RareText(std::string_view text)  // NOLINT: meant to be written as a string is
        : text_(text.empty() ? nullptr : std::make_unique<const std::string>(text)) {}
    RareText(const std::string& text) : RareText(std::string_view(text)) {}  // NOLINT
    RareText(const char* text) : RareText(std::string_view(text)) {}         // NOLINT
    RareText(const RareText& other) : RareText(other.view()) {}
    RareText(RareText&&) noexcept = default;
    RareText& operator=(const RareText& other) { return *this = RareText(other); }
    RareText& operator=(RareText&&) noexcept = default;
    ~RareText() = default;

    [[nodiscard]] bool empty() const noexcept { return text_ == nullptr; }
    /// Dies with this object, or when something is assigned to it.
    [[nodiscard]] std::string_view view() const noexcept {
        return text_ ? std::string_view(*text_) : std::string_view();
    }
    operator std::string_view() const noexcept { return view(); }  // NOLINT
    friend bool operator==(const RareText& a, std::string_view b) noexcept { return a.view() == b; }

private:
    std::unique_ptr<const std::string> text_;
};

}  // namespace tollgate::failover
