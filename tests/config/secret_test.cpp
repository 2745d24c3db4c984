#include "config/secret.hpp"

#include "tests/support/catch.hpp"

#include <concepts>
#include <sstream>
#include <string>
#include <utility>

using tollgate::config::Secret;

template <class T>
concept Streamable = requires(std::ostream& out, const T& value) {
    out << value;
};

static_assert(!Streamable<Secret>);
static_assert(Streamable<std::string>);
static_assert(!std::convertible_to<Secret, std::string>);
static_assert(!std::convertible_to<Secret, std::string_view>);
static_assert(!std::convertible_to<std::string, Secret>);

TEST_CASE("a secret shows itself to reveal() only") {
    const Secret secret(std::string_view("sk-very-secret"));
    CHECK(secret.reveal() == "sk-very-secret");
    CHECK(to_string(secret) == "***");
    CHECK(format_as(secret) == "***");
}

TEST_CASE("secrets compare by content") {
    const Secret a(std::string_view("alpha"));
    const bool same = a == Secret(std::string_view("alpha"));
    CHECK(same);
    for (const std::string_view other : {"alphb", "blpha", "alph", "alphaa", ""}) {
        const bool equal = a == Secret(other);
        CHECK_FALSE(equal);
    }
    const bool empty = Secret() == Secret(std::string_view());
    CHECK(empty);
    CHECK(Secret::same_bytes("x", "x"));
    CHECK_FALSE(Secret::same_bytes("x", "y"));
}

TEST_CASE("taking a string over leaves nothing of it behind") {
    std::string text = "short";  // fits the string object itself, where a move would leave a copy
    const Secret secret(std::move(text));
    CHECK(secret.reveal() == "short");
    CHECK(text.empty());  // NOLINT: what is left is the point
    CHECK(std::string(text.data(), 5) == std::string(5, '\0'));
}

TEST_CASE("moving a secret empties the source and wipes its bytes") {
    Secret from(std::string_view("short"));
    const char* bytes = from.reveal().data();
    const Secret to(std::move(from));
    CHECK(to.reveal() == "short");
    CHECK(from.empty());  // NOLINT: what is left is the point
    CHECK(std::string(bytes, 5) == std::string(5, '\0'));
}

TEST_CASE("overwriting a secret wipes the longer text under a shorter one") {
    Secret secret(std::string_view("abcdefgh"));
    secret = Secret(std::string_view("xy"));
    CHECK(secret.reveal() == "xy");
    CHECK(std::string(secret.reveal().data() + 3, 5) == std::string(5, '\0'));
    const Secret copy = secret;
    secret = copy;
    CHECK(secret.reveal() == "xy");
    Secret& self = secret;
    secret = self;
    CHECK(secret.reveal() == "xy");
}

TEST_CASE("wiping clears the spare capacity as well") {
    std::string text(100, 'x');
    text.resize(10);
    tollgate::config::wipe(text);
    CHECK(text.empty());
    text.resize(text.capacity(), '?');
    CHECK(text.find('x') == std::string::npos);
}
