#include "failover/rare_text.hpp"

#include "tests/support/catch.hpp"

#include <string>
#include <utility>

namespace tollgate::failover::tests {
namespace {

TEST_CASE("a rare text holds what it is given, and copies of it are its own") {
    RareText text;
    CHECK(text.empty());
    CHECK(text == "");
    text = "model";
    RareText copy = text;
    text = std::string("messages");
    CHECK(copy == "model");
    CHECK(text == "messages");
    copy = text;
    CHECK(copy.view().data() != text.view().data());
    const RareText moved = std::move(copy);
    CHECK(moved == "messages");
    text = "";
    CHECK(text.empty());
    static_assert(sizeof(RareText) == sizeof(void*));
}

}  // namespace
}  // namespace tollgate::failover::tests
