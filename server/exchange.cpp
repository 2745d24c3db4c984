#include "server/exchange.hpp"

#include "adapters/request.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <new>

namespace tollgate::server {
namespace {

constexpr char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

}  // namespace

bool same_name(std::string_view name, std::string_view other) noexcept {
    return name.size() == other.size() &&
           std::equal(name.begin(), name.end(), other.begin(),
                      [](char a, char b) { return lower(a) == lower(b); });
}

std::string percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned value = 0;
        if (text[i] == '%' && i + 2 < text.size() &&
            std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr ==
                text.data() + i + 3) {
            out.push_back(static_cast<char>(value));
            i += 2;
        } else {
            out.push_back(text[i]);
        }
    }
    return out;
}

std::string_view RequestHead::find(std::string_view name) const noexcept {
    for (const Field& field : fields) {
        if (same_name(field.name, name)) {
            return field.value;
        }
    }
    return {};
}

void BodyBuffer::Free::operator()(char* p) const noexcept {
    std::free(p);
}

char* BodyBuffer::prepare(std::size_t size) {
    const std::size_t needed = size_ + size + adapters::kBodySlack;
    if (needed > capacity_) {
        const std::size_t capacity = std::max(needed, capacity_ + capacity_ / 2);
        char* const grown = static_cast<char*>(std::realloc(data_.get(), capacity));
        if (grown == nullptr) {
            throw std::bad_alloc();
        }
        static_cast<void>(data_.release());
        data_.reset(grown);
        capacity_ = capacity;
    }
    return data_.get() + size_;
}

void BodyBuffer::append(std::string_view bytes) {
    if (bytes.empty()) {
        return;  // its data() may be null, which memcpy() must not get
    }
    std::memcpy(prepare(bytes.size()), bytes.data(), bytes.size());
    commit(bytes.size());
}

void BodyBuffer::release() noexcept {
    data_.reset();
    size_ = 0;
    capacity_ = 0;
}

}  // namespace tollgate::server
