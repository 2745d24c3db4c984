#include "adapters/codec/base64.hpp"

#include "tests/support/catch.hpp"

#include <vector>

namespace {

using tollgate::codec::base64_decode;
using tollgate::codec::base64_encode;
using tollgate::codec::Base64Form;

constexpr Base64Form kForms[] = {Base64Form::standard, Base64Form::standard_unpadded,
                                 Base64Form::url, Base64Form::url_unpadded};

}  // namespace

TEST_CASE("encodes the vectors of RFC 4648", "[base64]") {
    CHECK(base64_encode("").empty());
    CHECK(base64_encode("f") == "Zg==");
    CHECK(base64_encode("fo") == "Zm8=");
    CHECK(base64_encode("foo") == "Zm9v");
    CHECK(base64_encode("foobar") == "Zm9vYmFy");
    CHECK(base64_encode("f", Base64Form::standard_unpadded) == "Zg");
    CHECK(base64_encode("\xFB\xFF\xFE") == "+//+");
    CHECK(base64_encode("\xFB\xFF\xFE", Base64Form::url) == "-__-");
    CHECK(base64_encode("\xFB\xFF", Base64Form::url) == "-_8=");
    CHECK(base64_encode("\xFB\xFF", Base64Form::url_unpadded) == "-_8");
}

TEST_CASE("decodes what it encodes, all bytes and lengths", "[base64]") {
    std::string bytes;
    for (int i = 0; i < 300; ++i) {
        for (const Base64Form form : kForms) {
            CHECK(base64_decode(base64_encode(bytes, form), form) == bytes);
        }
        bytes += static_cast<char>(i * 7);
    }
}

TEST_CASE("decoding is strict", "[base64]") {
    const std::vector<std::string> bad{
        "Z",     "Zg",   "Zg=",  "Zh==", "Zm9=", "Zg==Zg==", "Zm9v\n",
        " Zm9v", "Zm-v", "Z===", "====", "Zm=v", "Zm9v=",    "="};
    for (const std::string& text : bad) {
        INFO(text);
        CHECK_FALSE(base64_decode(text).has_value());
    }
    CHECK_FALSE(base64_decode("Zg==", Base64Form::url_unpadded).has_value());
    CHECK_FALSE(base64_decode("Zh", Base64Form::url_unpadded).has_value());
    CHECK_FALSE(base64_decode("+/8", Base64Form::url_unpadded).has_value());
    CHECK_FALSE(base64_decode("-_8=").has_value());
}
