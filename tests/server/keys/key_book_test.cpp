#include "server/keys/key_book.hpp"

#include "server/caller_key.hpp"
#include "tests/metrics/ledger/support.hpp"
#include "tests/support/catch.hpp"

#include <fstream>
#include <set>

namespace tollgate::server {
namespace {

using Kind = KeyTrouble::Kind;
const config::Timestamp kNow{std::chrono::seconds(1'764'028'800)};

struct Opened {
    ledger::test::Scratch scratch;
    std::string path = scratch.path + "/new/keys.sqlite";
    KeyBook book = open();

    [[nodiscard]] KeyBook open() const {
        KeyResult<KeyBook> opened = KeyBook::open(path);
        REQUIRE(opened);
        return std::move(*opened);
    }
    NewSecret create(const std::string& name, const KeyChange& change = {}) {
        KeyResult<NewSecret> made = book.create(name, change, kNow);
        REQUIRE(made);
        return std::move(*made);
    }
};

}  // namespace

TEST_CASE("a key comes back as it was made, without its secret") {
    Opened opened;
    KeyChange change;
    change.team = "t";
    change.models = {"smart", "openai/*"};
    change.tags = {"x", "y"};
    change.budget = config::KeyBudget{.usd = {12'500'000}, .per = config::Period::week};
    change.rpm = 60;
    change.concurrency = 7;
    change.expires = kNow + std::chrono::days(9);
    const NewSecret made = opened.create("a", change);
    CHECK(made.secret.starts_with("sk-tg-"));
    CHECK(made.secret.size() == 6 + 43);
    CHECK(made.key.spec.settings.hash == sha256_text(made.secret));
    KeyBook again = opened.open();
    const auto found = again.find("a");
    REQUIRE(found);
    CHECK(found->spec.settings == made.key.spec.settings);
    CHECK(found->created == kNow);
    std::ifstream file(opened.path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    CHECK(bytes.find(made.secret.substr(6)) == std::string::npos);
    CHECK((std::filesystem::status(opened.path).permissions() &
           (std::filesystem::perms::group_all | std::filesystem::perms::others_all)) ==
          std::filesystem::perms::none);
}

TEST_CASE("secrets differ, and so do names") {
    Opened opened;
    std::set<std::string> secrets;
    for (int i = 0; i < 100; ++i) {
        CHECK(secrets.insert(opened.create("k" + std::to_string(i)).secret).second);
    }
    const auto twice = opened.book.create("k7", {}, kNow);
    REQUIRE_FALSE(twice);
    CHECK(twice.error().kind == Kind::taken);
    CHECK(opened.book.all()->size() == 100);
}

TEST_CASE("a rotation keeps the old secret for its overlap, or not at all") {
    Opened opened;
    const NewSecret first = opened.create("a");
    const auto second = opened.book.rotate("a", std::chrono::hours(1), kNow);
    REQUIRE(second);
    CHECK(second->secret != first.secret);
    CHECK(second->key.spec.settings.previous_hash == sha256_text(first.secret));
    CHECK(second->key.spec.previous_until == kNow + std::chrono::hours(1));
    CHECK(opened.book.find("a")->spec.previous_until == kNow + std::chrono::hours(1));
    const auto third = opened.book.rotate("a", std::chrono::seconds(0), kNow);
    REQUIRE(third);
    CHECK(third->key.spec.settings.previous_hash.empty());
}

TEST_CASE("others' changes are noticed, and one's own are not") {
    Opened opened;
    opened.create("a");
    const auto before = opened.book.version();
    REQUIRE(before);
    KeyChange off;
    off.enabled = false;
    REQUIRE(opened.book.change("a", off));
    CHECK(*opened.book.version() == *before);
    KeyBook other = opened.open();
    REQUIRE(other.remove("a"));
    CHECK(*opened.book.version() != *before);
    CHECK(opened.book.all()->empty());
}

TEST_CASE("what is not there and what is no file of keys is told apart") {
    Opened opened;
    CHECK(opened.book.find("a").error().kind == Kind::unknown);
    CHECK(opened.book.change("a", {}).error().kind == Kind::unknown);
    CHECK(opened.book.remove("a").error().kind == Kind::unknown);
    CHECK(opened.book.rotate("a", {}, kNow).error().kind == Kind::unknown);
    opened.create("a");  // after the failures nothing is held open
    const std::string broken = opened.scratch.path + "/broken";
    std::ofstream(broken) << std::string(5000, 'x');
    const auto none = KeyBook::open(broken);
    REQUIRE_FALSE(none);
    CHECK(none.error().kind == Kind::storage);
}

}  // namespace tollgate::server
