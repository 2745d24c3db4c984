// A value that most of the time is as it was made, and then takes one pointer.
#pragma once

#include <memory>
#include <utility>

namespace tollgate::server {

template <class T>
class Rare {
public:
    [[nodiscard]] const T& operator*() const noexcept {
        static const T kAsMade{};
        return value_ ? *value_ : kAsMade;
    }
    [[nodiscard]] const T* operator->() const noexcept { return &**this; }
    [[nodiscard]] T& make() {
        if (!value_) {
            value_ = std::make_unique<T>();
        }
        return *value_;
    }
    void set(const T& value) { make() = value; }
    /// Null: as it was made.
    void adopt(std::unique_ptr<T> value) noexcept { value_ = std::move(value); }
    void reset() noexcept { value_.reset(); }

private:
    std::unique_ptr<T> value_;
};

}  // namespace tollgate::server
