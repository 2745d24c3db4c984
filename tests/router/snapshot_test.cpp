#include "router/snapshot.hpp"

#include "adapters/catalog.hpp"
#include "router/listing.hpp"
#include "tests/router/support.hpp"

#include <algorithm>

namespace tollgate::router::tests {
namespace {

std::vector<std::string> names_of(const Snapshot& snapshot) {
    std::vector<std::string> names;
    for (const Provider& provider : snapshot.providers()) {
        names.push_back(provider.settings.name);
    }
    return names;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("without a file, the environment says which vendors there are") {
    World world{.discover = true};
    CHECK(names_of(*build_good("", world)) == Names{"demo"});

    world.variables = {
        {"OPENAI_API_KEY", "sk-1"}, {"GROQ_API_KEY", ""}, {"UNRELATED_API_KEY", "x"}};
    SnapshotPtr snapshot = build_good("", world);
    CHECK(names_of(*snapshot) == Names{"demo", "openai"});
    CHECK(snapshot->default_provider()->settings.name == "openai");
    REQUIRE(snapshot->provider("openai")->keys.size() == 1);
    CHECK(snapshot->provider("openai")->keys[0].reveal() == "sk-1");
    CHECK(snapshot->provider("openai")->endpoint.base_url == "https://api.openai.com/v1");
    CHECK(snapshot->provider("groq") == nullptr);
    CHECK(snapshot->warnings().empty());

    world.variables = {{"OPENAI_API_KEY", "sk-1"}, {"OPENAI_BASE_URL", "http://127.0.0.1:1/x"}};
    CHECK(build_good("", world)->provider("openai")->endpoint.base_url == "http://127.0.0.1:1/x");
}

TEST_CASE("without a file, the variables of every vendor are enough to use it") {
    for (const adapters::Vendor* vendor : adapters::vendors()) {
        if (vendor->key_env.empty() || vendor->base_url.empty()) {
            continue;
        }
        INFO(vendor->name);
        for (const std::string_view variable : vendor->key_env) {
            INFO(variable);
            World world{.variables = {{std::string(variable), "k-1"}}, .discover = true};
            const SnapshotPtr snapshot = build_good("", world);
            const Provider* const provider = snapshot->provider(vendor->name);
            REQUIRE(provider != nullptr);
            CHECK(provider->usable);
            CHECK(provider->endpoint.vendor == &provider->vendor);
            CHECK(snapshot->default_provider() != nullptr);
        }
    }
}

TEST_CASE("without a file, local servers that answer are used") {
    World world{.servers = {"http://localhost:11434"}, .discover = true};
    CHECK(names_of(*build_good("", world)) == Names{"demo", "ollama"});
    world.servers.clear();
    CHECK(names_of(*build_good("", world)) == Names{"demo"});
    world.variables = {{"OLLAMA_HOST", "http://gpu:11434"}};  // said so, not probed
    CHECK(build_good("", world)->provider("ollama")->endpoint.base_url == "http://gpu:11434");
}

TEST_CASE("without a file, AWS and Google credentials are found") {
    World world{.variables = {{"AWS_ACCESS_KEY_ID", "AKIA"},
                              {"AWS_SECRET_ACCESS_KEY", "s"},
                              {"AWS_REGION", "eu-west-1"}},
                .discover = true};
    const SnapshotPtr aws = build_good("", world);
    const Provider* const bedrock = aws->provider("bedrock");
    REQUIRE(bedrock != nullptr);
    CHECK(bedrock->usable);
    CHECK(bedrock->endpoint.location == "eu-west-1");
    CHECK(bedrock->endpoint.base_url.find("eu-west-1") != std::string::npos);
    CHECK(bedrock->settings.aws.access_key_id == "AKIA");
    CHECK(bedrock->settings.aws.secret_access_key.reveal() == "s");

    world.variables = {{"AWS_ACCESS_KEY_ID", "AKIA"}};  // half of the credentials
    const SnapshotPtr half = build_good("", world);
    REQUIRE(half->provider("bedrock") != nullptr);
    CHECK_FALSE(half->provider("bedrock")->usable);
    CHECK(half->warnings().size() == 1);

    world.variables = {{"GOOGLE_APPLICATION_CREDENTIALS", "/missing.json"}};
    const SnapshotPtr google = build_good("", world);
    REQUIRE(google->provider("vertex_ai") != nullptr);
    CHECK_FALSE(google->provider("vertex_ai")->usable);
    CHECK(google->provider("vertex_ai")->problem.find("/missing.json") != std::string::npos);

    world.files = {{"/missing.json", R"({"type":"service_account"})"}};
    CHECK_FALSE(build_good("", world)->provider("vertex_ai")->usable);

    world.variables = {{"GOOGLE_APPLICATION_CREDENTIALS", "metadata"},
                       {"GOOGLE_CLOUD_PROJECT", "p1"},
                       {"GCE_METADATA_HOST", "m:1"}};
    const SnapshotPtr metadata = build_good("", world);
    const Provider* const vertex = metadata->provider("vertex_ai");
    REQUIRE(vertex != nullptr);
    CHECK(vertex->usable);
    CHECK(vertex->google_metadata);
    CHECK(vertex->google_metadata_host == "m:1");
    CHECK(vertex->endpoint.project == "p1");
    CHECK(vertex->endpoint.location == "global");
}

TEST_CASE("with a file, only what it names is used") {
    const World world{.variables = {{"OPENAI_API_KEY", "sk-env"}, {"GROQ_API_KEY", "g-env"}}};
    const SnapshotPtr snapshot = build_good("providers: {openai: {}}", world);
    CHECK(names_of(*snapshot) == Names{"openai"});
    CHECK(snapshot->provider("openai")->keys[0].reveal() == "sk-env");
    const SnapshotPtr own = build_good("providers: {openai: {api_key: sk-file}}", world);
    REQUIRE(own->provider("openai")->keys.size() == 1);
    CHECK(own->provider("openai")->keys[0].reveal() == "sk-file");
}

TEST_CASE("a disabled provider does not exist") {
    const SnapshotPtr snapshot =
        build_good("providers:\n  openai: {api_key: k, enabled: false}\n  demo: {}\n");
    CHECK(snapshot->provider("openai") == nullptr);
    CHECK(names_of(*snapshot) == Names{"demo"});
    CHECK(snapshot->default_provider()->settings.name == "demo");
}

TEST_CASE("a provider without its key is not used, and refused when it must be") {
    const SnapshotPtr snapshot = build_good("providers:\n  openai: {}\n  demo: {}\n");
    REQUIRE(snapshot->provider("openai") != nullptr);
    CHECK_FALSE(snapshot->provider("openai")->usable);
    REQUIRE(snapshot->warnings().size() == 1);
    CHECK(to_string(snapshot->warnings()[0]).starts_with("test.yaml:2:"));
    CHECK(snapshot->warnings()[0].text.find("OPENAI_API_KEY") != std::string::npos);

    const Built must = build("providers:\n  demo: {}\n  openai:\n    enabled: true\n");
    REQUIRE_FALSE(must);
    CHECK(problems_of(must).starts_with("test.yaml:3:"));
    CHECK(problems_of(must).find("providers.openai: ") != std::string::npos);
    CHECK(problems_of(must).find("OPENAI_API_KEY") != std::string::npos);
}

TEST_CASE("all problems are told at once, with their places") {
    const Built built = build(R"(providers:
  nobody: {api_key: k}
  other:
    type: nothing
  openai: {enabled: true}
  demo: {}
models:
  good: demo/demo-1
  bad: [demo/demo-1, missing/x]
  worse: no-such-model
)");
    REQUIRE_FALSE(built);
    const std::string text = problems_of(built);
    INFO(text);
    CHECK(built.error().size() == 5);
    for (const char* part : {"test.yaml:2:", "'nobody' is not a vendor", "test.yaml:4:",
                             "'nothing'", "openai_compat", "test.yaml:5:", "OPENAI_API_KEY",
                             "models.bad", "'missing/x'", "models.worse", "'no-such-model'"}) {
        INFO(part);
        CHECK(text.find(part) != std::string::npos);
    }
    const Built unknown_default = build("providers:\n  default: groq\n  demo: {}\n");
    REQUIRE_FALSE(unknown_default);
    CHECK(problems_of(unknown_default).find("groq") != std::string::npos);
}

TEST_CASE("a vendor's alias is the vendor") {
    const SnapshotPtr snapshot = build_good(R"(providers:
  azure: {api_key: k, base_url: "https://x.openai.azure.com"}
  mine: {type: llamacpp}
)");
    CHECK(snapshot->provider("azure")->vendor.name == "azure_openai");
    CHECK(snapshot->provider("azure")->endpoint.api_version == "2024-10-21");
    CHECK(snapshot->provider("mine")->vendor.name == "llama_cpp");
    CHECK(snapshot->provider("mine")->usable);
}

TEST_CASE("a vendor without an address needs one") {
    const SnapshotPtr snapshot =
        build_good("providers:\n  azure_openai: {api_key: k}\n  demo: {}\n");
    CHECK_FALSE(snapshot->provider("azure_openai")->usable);
    CHECK(snapshot->provider("azure_openai")->problem.find("base_url") != std::string::npos);
}

TEST_CASE("the deviations of a compatible server are applied") {
    const SnapshotPtr snapshot = build_good(R"(providers:
  mine:
    type: openai_compat
    base_url: http://127.0.0.1:9/v1
    api_key: k1
    headers: {X-Extra: "1"}
    paths: {chat: /chat, embeddings: /embed}
    token_field: max_tokens
    developer_as_system: true
    include_usage: false
    drop: [store, seed]
    auth: header:x-key
  other:
    type: openai_compat
    base_url: http://127.0.0.1:8/v1
  deepseek:
    api_key: k2
    drop: [seed]
    auth: none
)");
    const adapters::Vendor& mine = snapshot->provider("mine")->vendor;
    CHECK(mine.paths.chat == "/chat");
    CHECK(mine.paths.embeddings == "/embed");
    CHECK(mine.paths.completions == "/completions");
    CHECK(mine.request.token_field == adapters::TokenField::max_tokens);
    CHECK(mine.request.developer_as_system);
    CHECK(mine.usage_in == adapters::UsageIn::last_chunk);
    CHECK(std::vector<std::string_view>(mine.request.drop.begin(), mine.request.drop.end()) ==
          std::vector<std::string_view>{"store", "seed"});
    CHECK(mine.auth == adapters::Auth::api_key_header);
    CHECK(mine.auth_header == "x-key");
    REQUIRE(snapshot->provider("mine")->endpoint.headers.size() == 1);
    CHECK(snapshot->provider("mine")->endpoint.headers[0].name == "X-Extra");
    CHECK(snapshot->provider("mine")->endpoint.headers[0].value == "1");

    const adapters::Vendor& other =
        snapshot->provider("other")->vendor;  // untouched by its neighbour
    CHECK(other.paths.chat == "/chat/completions");
    CHECK(other.request.token_field == adapters::TokenField::keep);
    CHECK(other.request.drop.empty());
    CHECK(other.auth == adapters::Auth::optional_bearer);

    const adapters::Vendor& deepseek = snapshot->provider("deepseek")->vendor;
    const adapters::Vendor& built_in = *adapters::find_vendor("deepseek");
    CHECK(deepseek.request.drop.size() == built_in.request.drop.size() + 1);
    CHECK(deepseek.request.drop.back() == "seed");
    CHECK(deepseek.request.refuse.size() == built_in.request.refuse.size());
    CHECK(deepseek.auth == adapters::Auth::none);
}

TEST_CASE("token fields mean the same in the configuration and in the catalog") {
    const struct {
        const char* word;
        adapters::TokenField field;
    } cases[] = {{"max_tokens", adapters::TokenField::max_tokens},
                 {"max_completion_tokens", adapters::TokenField::max_completion_tokens}};
    for (const auto& one : cases) {
        const SnapshotPtr snapshot = build_good(
            std::string("providers:\n  openai: {api_key: k, token_field: ") + one.word + "}\n");
        CHECK(snapshot->provider("openai")->vendor.request.token_field == one.field);
    }
    CHECK(static_cast<int>(config::TokenField::keep) ==
          static_cast<int>(adapters::TokenField::keep));
}

TEST_CASE("views of a provider point into its own snapshot") {
    SnapshotPtr kept;
    {
        const SnapshotPtr gone = build_good("providers: {demo: {}}");
        kept = build_good(R"(providers:
  mine: {type: openai_compat, base_url: "http://a", paths: {chat: /a-path-that-is-longer-than-a-short-string}, drop: [field_with_a_long_name_of_its_own]}
)");
    }
    CHECK(kept->provider("mine")->vendor.paths.chat ==
          "/a-path-that-is-longer-than-a-short-string");
    CHECK(kept->provider("mine")->vendor.request.drop[0] == "field_with_a_long_name_of_its_own");
}

TEST_CASE("a provider offers what is configured, and the vendor's list, or else the catalog's") {
    const SnapshotPtr snapshot = build_good(R"(providers:
  demo: {}
  mine:
    type: openai_compat
    base_url: http://127.0.0.1:9/v1
    default_model: b
    models: [b, a]
    deployment_map: {c: deployment-1}
  groq: {api_key: k, models: [of-mine]}
)");
    using Ids = std::vector<std::string_view>;
    CHECK(offered_models(*snapshot->provider("demo"), nullptr) ==
          Ids{"demo-1", "demo-embed", "demo-mini", "demo-reasoner"});
    CHECK(offered_models(*snapshot->provider("mine"), nullptr) == Ids{"a", "b", "c"});
    const std::vector<std::string> live{"z", "a"};
    CHECK(offered_models(*snapshot->provider("mine"), &live) == Ids{"a", "b", "c", "z"});
    const Provider& groq = *snapshot->provider("groq");
    CHECK(offered_models(groq, nullptr).size() > 10);
    CHECK(offered_models(groq, &live) == Ids{"a", groq.default_model, "of-mine", "z"});
}

TEST_CASE("metric labels keep their numbers over a reload") {
    const SnapshotPtr first =
        build_good("providers:\n  groq: {api_key: k}\n  demo: {}\nmodels: {smart: groq/llama-x}\n");
    World world;
    world.previous = &first->vocabulary();
    const SnapshotPtr second =
        build_good("providers:\n  demo: {}\n  openai: {api_key: k}\n  groq: {api_key: k}\n", world);
    for (const char* name : {"groq", "demo"}) {
        INFO(name);
        CHECK(second->provider(name)->label == first->provider(name)->label);
        CHECK(second->vocabulary().provider_name(second->provider(name)->label) == name);
    }
    CHECK(second->provider("openai")->label != second->provider("groq")->label);
    CHECK(first->vocabulary().target("groq", "llama-x") ==
          second->vocabulary().target("groq", "llama-x"));
    CHECK(first->vocabulary().model_name(first->vocabulary().target("groq", "llama-x")) ==
          "llama-x");
    CHECK(first->vocabulary().model_name(first->vocabulary().target("groq", "never-heard-of")) ==
          "other");
}

TEST_CASE("a snapshot keeps no place for each of many keys") {
    const std::string hash(64, 'a');
    const SnapshotPtr snapshot =
        build_good("providers: {demo: {}}\nkeys:\n  - {name: a, hash: \"sha256:" + hash + "\"}\n");
    const config::Source& source = snapshot->settings().source;
    CHECK(source.positions.contains("keys"));
    CHECK(source.positions.contains("providers.demo"));
    CHECK_FALSE(source.positions.contains("keys[0]"));
    CHECK(source.at("keys[0].hash") == source.at("keys"));
    CHECK(snapshot->settings().keys.at(0).name == "a");
}

}  // namespace tollgate::router::tests
