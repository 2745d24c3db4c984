#include "metrics/vocabulary.hpp"

#include "tests/support/catch.hpp"

#include <string>
#include <vector>

using namespace tollgate::metrics;

TEST_CASE("what is not configured becomes other") {
    const TargetName names[]{{"openai", "gpt-4o"}, {"groq", "llama"}};
    const auto words = Vocabulary::grown(nullptr, names);

    const auto known = words->target("openai", "gpt-4o");
    CHECK(words->model_name(known) == "gpt-4o");
    CHECK(words->provider_name(words->provider_of(known)) == "openai");

    const auto new_model = words->target("openai", "made-up");
    CHECK(words->model_name(new_model) == "other");
    CHECK(words->provider_name(words->provider_of(new_model)) == "openai");

    // A configured model at another provider is not configured there.
    CHECK(words->model_name(words->target("groq", "gpt-4o")) == "other");

    CHECK(words->target("evil", "gpt-4o") == 0);
    CHECK(words->provider("evil") == 0);
    CHECK(words->model_name(0) == "other");
    CHECK(words->provider_name(words->provider_of(0)) == "other");
}

TEST_CASE("endpoints outside the list become other") {
    CHECK(kEndpoints[endpoint_id("chat")] == "chat");
    CHECK(kEndpoints[endpoint_id("admin")] == "admin");
    CHECK(endpoint_id("/../etc") == 0);
    CHECK(endpoint_id("") == 0);
}

TEST_CASE("a record's labels come from its endpoint, provider and model") {
    const TargetName names[]{{"openai", "gpt-4o"}};
    const auto words = Vocabulary::grown(nullptr, names);
    RequestRecord record;
    record.endpoint = "chat";
    CHECK(words->labels(record).target == 0);
    record.provider = "openai";
    record.model = "gpt-4o";
    CHECK(words->labels(record).endpoint == endpoint_id("chat"));
    CHECK(words->labels(record).target == words->target("openai", "gpt-4o"));
}

TEST_CASE("numbers keep their meaning when a reload adds and removes names") {
    const TargetName before[]{{"a", "m1"}, {"b", "m2"}};
    const TargetName after[]{{"c", "m3"}, {"b", "m2"}, {"b", "m4"}};
    const auto old_words = Vocabulary::grown(nullptr, before);
    const auto new_words = Vocabulary::grown(old_words.get(), after);
    CHECK(new_words->target("a", "m1") == old_words->target("a", "m1"));
    CHECK(new_words->target("b", "m2") == old_words->target("b", "m2"));
    CHECK(new_words->provider("b") == old_words->provider("b"));
    for (std::uint16_t id = 0; id < old_words->targets(); ++id) {
        CHECK(new_words->model_name(id) == old_words->model_name(id));
        CHECK(new_words->provider_of(id) == old_words->provider_of(id));
    }
    CHECK(new_words->targets() == old_words->targets() + 3);  // c/other, c/m3, b/m4
    CHECK(old_words->target("c", "m3") == 0);

    const auto same = Vocabulary::grown(new_words.get(), after);
    CHECK(same->targets() == new_words->targets());
    CHECK(same->providers() == new_words->providers());
}

TEST_CASE("the vocabulary stops growing at its bounds") {
    std::vector<std::string> models;
    for (std::size_t i = 0; i < kMaxTargets + 100; ++i) {
        models.push_back("m" + std::to_string(i));
    }
    std::vector<TargetName> names;
    for (const auto& model : models) {
        names.push_back({"openai", model});
    }
    const auto full = Vocabulary::grown(nullptr, names);
    CHECK(full->targets() == kMaxTargets);
    CHECK(full->model_name(full->target("openai", models.front())) == models.front());
    CHECK(full->model_name(full->target("openai", models.back())) == "other");

    const TargetName late[]{{"late", "m"}};
    const auto fuller = Vocabulary::grown(full.get(), late);
    CHECK(fuller->provider("late") == 0);
    CHECK(fuller->targets() == kMaxTargets);

    std::vector<TargetName> providers;
    for (const auto& model : models) {
        providers.push_back({model, "x"});
    }
    CHECK(Vocabulary::grown(nullptr, providers)->providers() == kMaxProviders);
}

TEST_CASE("names that cannot be label values become other") {
    const std::string longest(kMaxLabelBytes, 'x');
    const std::string too_long(kMaxLabelBytes + 1, 'x');
    const TargetName names[]{
        {"p", longest}, {"p", too_long}, {"p", "\xFFmodel"}, {"\xC0\xAF", "m"}, {"p", ""}};
    const auto words = Vocabulary::grown(nullptr, names);
    CHECK(words->model_name(words->target("p", longest)) == longest);
    CHECK(words->model_name(words->target("p", too_long)) == "other");
    CHECK(words->model_name(words->target("p", "\xFFmodel")) == "other");
    CHECK(words->model_name(words->target("p", "")) == "other");
    CHECK(words->provider("\xC0\xAF") == 0);
    CHECK(words->targets() == 3);  // other/other, p/other, p/xxx
}
