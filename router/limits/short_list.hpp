// A list that is nearly always short: its first elements need no memory of their own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace tollgate::router {

template <class T, std::size_t N>
class ShortList {
    static_assert(std::is_trivially_copyable_v<T>);

public:
    ShortList() = default;
    ShortList(std::initializer_list<T> list) {
        for (const T& item : list) {
            push_back(item);
        }
    }
    ShortList(ShortList&& other) noexcept
        : few_(other.few_),
          many_(std::move(other.many_)),
          size_(std::exchange(other.size_, std::uint32_t{0})) {}
    ShortList& operator=(ShortList&& other) noexcept {
        few_ = other.few_;
        many_ = std::move(other.many_);
        size_ = std::exchange(other.size_, std::uint32_t{0});
        return *this;
    }

    void push_back(const T& item) {
        if (!many_ && size_ < N) {
            few_[size_] = item;
        } else {
            if (!many_) {
                many_ = std::make_unique<std::vector<T>>(few_.begin(), few_.end());
            }
            many_->push_back(item);
        }
        ++size_;
    }
    void clear() noexcept {
        many_.reset();
        size_ = 0;
    }
    [[nodiscard]] const T* data() const noexcept { return many_ ? many_->data() : few_.data(); }
    [[nodiscard]] const T* begin() const noexcept { return data(); }
    [[nodiscard]] const T* end() const noexcept { return data() + size_; }
    [[nodiscard]] const T& operator[](std::size_t index) const noexcept { return data()[index]; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

private:
    std::array<T, N> few_{};
    std::unique_ptr<std::vector<T>> many_;  // all of them, beyond N
    std::uint32_t size_ = 0;
};

}  // namespace tollgate::router
