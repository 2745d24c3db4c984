#include "config/expand.hpp"

#include "tests/config/support.hpp"

#include <filesystem>

using namespace tollgate::config;
using test::environment;

TEST_CASE("variables, defaults and doubled dollars are replaced") {
    const Environment env = environment({{"A", "alpha"}, {"EMPTY", ""}, {"B_2", "${A}"}});
    const auto [text, expected] = GENERATE(table<std::string, std::string>({
        {"", ""},
        {"plain", "plain"},
        {"${A}", "alpha"},
        {"x${A}y${A}z", "xalphayalphaz"},
        {"${NO:-d}", "d"},
        {"${NO:-}", ""},
        {"${EMPTY:-d}", "d"},
        {"${EMPTY}", ""},
        {"${A:-d}", "alpha"},
        {"$$", "$"},
        {"$${A}", "${A}"},
        {"$$$$", "$$"},
        {"$", "$"},
        {"a$b", "a$b"},
        {"${B_2}", "${A}"},
        {"${NO:-a:-b}", "a:-b"},
        {"pa$$word", "pa$word"},
        {"${NO:-http://x:1}", "http://x:1"},
        {"$A", "$A"},
        {"}", "}"},
    }));
    CAPTURE(text);
    const auto value = expand(text, env);
    REQUIRE(value);
    CHECK(*value == expected);
}

TEST_CASE("an unset variable is named") {
    const auto value = expand("x${MISSING}y", environment());
    REQUIRE_FALSE(value);
    CHECK(value.error().is_unset);
    CHECK_THAT(value.error().text, Catch::Contains("environment variable MISSING is not set"));
}

TEST_CASE("malformed variables are refused rather than passed on") {
    const auto text = GENERATE(as<std::string>(), "${", "${}", "${A", "${1A}", "${A-B}", "${A B}",
                               "${A:=x}", "x${:-d}", "${\xc3\xa9}");
    CAPTURE(text);
    const auto value = expand(text, environment({{"A", "a"}}));
    REQUIRE_FALSE(value);
    CHECK_FALSE(value.error().is_unset);
}

TEST_CASE("expansion of any text split anywhere never reads past it") {
    const std::string whole = "a${A}$$${NO:-x}$";
    for (std::size_t i = 0; i <= whole.size(); ++i) {
        for (std::size_t j = i; j <= whole.size(); ++j) {
            // A copy on the heap, so that a read past its end is seen by the sanitizer.
            const std::vector<char> part(whole.begin() + static_cast<std::ptrdiff_t>(i),
                                         whole.begin() + static_cast<std::ptrdiff_t>(j));
            (void)expand(std::string_view(part.data(), part.size()), environment({{"A", "a"}}));
        }
    }
    SUCCEED();
}

TEST_CASE("file: reads a secret and cuts one trailing newline") {
    const test::ScratchDirectory scratch;
    const auto [content, expected] = GENERATE(table<std::string, std::string>({
        {"sk-1\n", "sk-1"},
        {"sk-1", "sk-1"},
        {"sk-1\r\n", "sk-1"},
        {"sk-1\n\n", "sk-1\n"},
        {"", ""},
    }));
    const auto secret = read_secret("file:" + scratch.write("key", content), environment());
    REQUIRE(secret);
    CHECK(secret->reveal() == expected);
}

TEST_CASE("file: knows the home directory, and other texts are secrets as they are") {
    const test::ScratchDirectory scratch;
    (void)scratch.write("key", "sk-home");
    const auto from_home = read_secret("file:~/key", environment({{"HOME", scratch.path()}}));
    REQUIRE(from_home);
    CHECK(from_home->reveal() == "sk-home");
    const auto plain = read_secret("sk-plain", environment());
    REQUIRE(plain);
    CHECK(plain->reveal() == "sk-plain");
}

TEST_CASE("a secret file must be readable, regular and small") {
    const test::ScratchDirectory scratch;
    const std::string limit(std::size_t{64} * 1024, 'x');
    CHECK(read_secret("file:" + scratch.write("full", limit), environment()));
    const auto large = read_secret("file:" + scratch.write("large", limit + 'x'), environment());
    REQUIRE_FALSE(large);
    CHECK_THAT(large.error().text, Catch::Contains("larger than 65536 bytes"));
    const auto missing = read_secret("file:" + scratch.path() + "/missing", environment());
    REQUIRE_FALSE(missing);
    CHECK_THAT(missing.error().text, Catch::Contains("/missing: No such file or directory"));
    const auto directory = read_secret("file:" + scratch.path(), environment());
    REQUIRE_FALSE(directory);
    CHECK_THAT(directory.error().text, Catch::Contains("not a regular file"));
    CHECK_FALSE(read_secret("file:/dev/zero", environment()));
    CHECK_FALSE(read_secret("file:", environment()));
}

TEST_CASE("~ is the home directory at the start of a path only") {
    const Environment env = environment({{"HOME", "/home/x"}});
    CHECK(expand_home("~/a", env) == "/home/x/a");
    CHECK(expand_home("~", env) == "/home/x");
    CHECK(expand_home("~other/a", env) == "~other/a");
    CHECK(expand_home("/a/~/b", env) == "/a/~/b");
    CHECK(expand_home("~/a", environment()) == "~/a");
    CHECK(expand_home("~/a", environment({{"HOME", ""}})) == "~/a");
}
