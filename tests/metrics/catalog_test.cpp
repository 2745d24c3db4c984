#include "metrics/catalog/catalog.hpp"

#include "tests/support/catch.hpp"

#include <string>
#include <string_view>

using namespace tollgate::catalog;

namespace {

const Catalog& everything() {
    static const Catalog catalog = Catalog::built_in([](std::string_view) { return true; });
    return catalog;
}

const Model* find(std::string_view vendor, std::string_view id) {
    const Vendor* const found = everything().vendor(vendor);
    return found == nullptr ? nullptr : found->find(id);
}

std::string fault_of(std::string_view text) {
    const auto catalog = Catalog::read(
        text, [](std::string_view) { return false; }, Catalog::Check::all);
    return catalog ? "none" : std::to_string(catalog.error().line) + ": " + catalog.error().text;
}

}  // namespace

TEST_CASE("the built-in catalog is read to its last line") {
    const auto catalog = Catalog::read(
        built_in_text(), [](std::string_view) { return true; }, Catalog::Check::all);
    INFO((catalog ? std::string() : std::to_string(catalog.error().line) + catalog.error().text));
    REQUIRE(catalog);
    std::size_t models = 0;
    for (const auto& vendor : catalog->vendors()) {
        models += vendor->models().size();
    }
    CHECK(catalog->vendors().size() > 80);
    CHECK(models > 4800);
}

TEST_CASE("a model has its limits, capabilities and prices") {
    const Model* const model = find("openai", "gpt-5.4");
    REQUIRE(model != nullptr);
    CHECK(model->type == Type::chat);
    CHECK(model->context > 200'000);
    CHECK(model->can.has(Can::tools));
    REQUIRE(model->prices.size() == 1);
    const Price& price = model->prices[0];
    CHECK(price.currency == Currency::usd);
    REQUIRE(price.rates.size() >= 3);
    CHECK(price.rates[0].key == Key::input);
    CHECK(price.rates[0].amount == 25'000'000'000'000);  // 2.5 USD in units of 10^-13
    REQUIRE(price.tiers.size() == 1);
    CHECK(price.tiers[0].above == 271'999);
    REQUIRE_FALSE(model->services.empty());
    CHECK(model->factors.size() == 2);
}

TEST_CASE("a model is found by id, alias, dated version and family") {
    CHECK(find("openai", "GPT-4o") == find("openai", "gpt-4o"));
    CHECK(find("azure", "gpt-4o") != nullptr);
    CHECK(find("openai", "text-ada-001") == find("openai", "ada"));
    CHECK(find("openai", "gpt-4o-2029-01-01") == find("openai", "gpt-4o"));
    CHECK(find("openai", "ft:gpt-4o-2024-08-06:acme::a1") != nullptr);
    CHECK(find("anthropic", "claude-sonnet-4-5-20250929") != nullptr);
    CHECK(find("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0") != nullptr);
    CHECK(find("openai", "gpt-4o-mini") != find("openai", "gpt-4o"));
    CHECK(find("openai", "gpt-4o-turbo-deluxe") == nullptr);
    CHECK(find("openai", "") == nullptr);
    CHECK(find("nobody", "gpt-4o") == nullptr);
    CHECK(find("demo", "demo-1") != nullptr);
}

TEST_CASE("only the vendors that are wanted are read") {
    const Catalog catalog =
        Catalog::built_in([](std::string_view name) { return name == "glm" || name == "groq"; });
    CHECK(catalog.vendors().size() == 2);
    REQUIRE(catalog.vendor("zhipu") != nullptr);
    CHECK(catalog.vendor("zhipu")->bills() == Currency::cny);
    CHECK(catalog.vendor("openai") == nullptr);
}

TEST_CASE("the newest dated version stands for a family without an entry of its own") {
    const auto catalog = Catalog::read(
        "vendor v\n"
        "model m-20250101 chat\n"
        "model m-20260101 chat\n"
        "model m-x-20270101 chat\n",
        [](std::string_view) { return true; });
    REQUIRE(catalog);
    const Model* const model = catalog->vendor("v")->find("m");
    REQUIRE(model != nullptr);
    CHECK(model->id == "m-20260101");
}

TEST_CASE("a fault in a catalog is told with its line") {
    CHECK(fault_of("# fine\n\nvendor v\nmodel m chat ctx=5\n price USD input=1\n") == "none");
    CHECK(fault_of("model m chat\n") == "1: expected a vendor or a comment");
    CHECK(fault_of("vendor v\nmodel m poem\n") == "2: expected an id and a type, not 'poem'");
    CHECK(fault_of("vendor v\nmodel m chat ctx=many\n") == "2: not a number: 'many'");
    CHECK(fault_of("vendor v\nmodel m chat can=fly\n") == "2: unknown capability 'fly'");
    CHECK(fault_of("vendor v\nmodel m chat colour=red\n") == "2: not understood: 'colour'");
    CHECK(fault_of("vendor v\nmodel m chat\n price XXX input=1\n") == "3: unknown currency 'XXX'");
    CHECK(fault_of("vendor v\nmodel m chat\n price USD inputs=1\n") ==
          "3: unknown price key 'inputs'");
    CHECK(fault_of("vendor v\nmodel m chat\n price USD input=-1\n") == "3: not an amount: '-1'");
    CHECK(fault_of("vendor v\nmodel m chat\n price USD input=0\n") ==
          "3: a price of nothing that is neither free nor zero");
    CHECK(fault_of("vendor v\nmodel m chat\n price USD from=2026-02-30 input=1\n") ==
          "3: not a date: '2026-02-30'");
    CHECK(fault_of("vendor v\nmodel m chat\n price USD tod=9:00-10:00 input=1\n") ==
          "3: not a time of day: '9:00-10:00'");
    CHECK(fault_of("vendor v\nmodel m chat\n above 10 input=1\n") ==
          "3: not a rising number of tokens below a price: '10'");
    CHECK(fault_of("vendor v\n price USD input=1\n") == "2: no model above 'price'");
    CHECK(fault_of("vendor v\nmodel m chat\n price USD input=1 input=2\n") ==
          "3: twice the same price key 'input'");
    CHECK(fault_of("vendor a\nmodel m chat\nvendor b\n\n\nmodel n poem\n") ==
          "6: expected an id and a type, not 'poem'");
}
