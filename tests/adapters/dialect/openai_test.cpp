// OpenAI's dialect for every vendor of the catalog that speaks it.  Golden files:
// tests/golden/<vendor>/ (see golden.hpp); a vendor without files of its own is still checked
// against its data below.
#include "adapters/dialect/openai.hpp"

#include "adapters/catalog.hpp"
#include "adapters/codec/json.hpp"
#include "adapters/dialect/openai_probe.hpp"
#include "tests/adapters/golden.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <filesystem>

using namespace tollgate;
using namespace tollgate::adapters;

namespace {

constexpr std::string_view kModel = "model-a";

const Dialect& dialect_of(const Vendor& vendor) {
    return vendor.dialect == DialectName::azure ? dialects::azure() : dialects::openai();
}

std::vector<const Vendor*> shaped_like_openai() {
    std::vector<const Vendor*> found;
    for (const Vendor* vendor : vendors()) {
        if (vendor->dialect == DialectName::openai || vendor->dialect == DialectName::azure) {
            found.push_back(vendor);
        }
    }
    return found;
}

/// An instance of the vendor as a configuration makes it.
Endpoint endpoint_of(const Vendor& vendor) {
    Endpoint endpoint;
    endpoint.vendor = &vendor;
    endpoint.provider = vendor.name;
    endpoint.base_url = vendor.base_url.empty() ? "https://host.example/base" : vendor.base_url;
    endpoint.api_version = vendor.api_version;
    return endpoint;
}

std::string encode(const Vendor& vendor, std::string_view body) {
    const Endpoint endpoint = endpoint_of(vendor);
    return golden::encode(dialect_of(vendor), body, {.endpoint = &endpoint, .model = kModel});
}

bool has_golden(std::string_view vendor) {
    return std::filesystem::is_directory(std::filesystem::path(TOLLGATE_SOURCE_DIR) /
                                         "tests/golden" / vendor);
}

/// Like golden::check_answers, but a stream whose end was lost after finish_reason still counts as
/// complete.
void check_answers(std::string_view vendor, Delivery delivery) {
    const bool is_stream = delivery == Delivery::stream;
    const std::string_view mark = is_stream ? ".stream.sse" : ".whole.json";
    const std::string_view expected = is_stream ? ".stream.events" : ".whole.events";
    for (const golden::Case& one : golden::cases(vendor, mark, expected)) {
        INFO(vendor << "/" << one.name);
        const std::string_view text = one.text;
        const auto run = [&](const std::vector<std::string_view>& pieces) {
            return golden::decode(dialects::openai(), delivery, kModel, pieces);
        };
        const golden::Decoded whole = run({text});
        golden::check_file(one.expected, whole.events);
        std::vector<std::string_view> bytes;
        for (std::size_t i = 0; i < text.size(); ++i) {
            bytes.push_back(text.substr(i, 1));
        }
        CHECK(run(bytes).events == whole.events);
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (run({text.substr(0, i), text.substr(i)}).events != whole.events) {
                FAIL_CHECK("other events when split at " << i);
            }
            const golden::Decoded cut = run({text.substr(0, i)});
            if (cut.ok && (!whole.events.starts_with(cut.events) ||
                           cut.events.find("finished") == std::string::npos)) {
                FAIL_CHECK("a clean end when cut at " << i << ": " << cut.events);
            }
        }
    }
}

/// A chat request with one member more.
std::string with_member(std::string_view key, std::string_view value) {
    return R"({"model":"p/m","messages":[{"role":"user","content":"x"}],")" + std::string(key) +
           "\":" + std::string(value) + "}";
}

json::Document sent(const std::string& encoded, std::string& body) {
    REQUIRE(encoded.starts_with("POST "));
    body = encoded.substr(encoded.find('\n') + 1);
    auto document = json::Document::parse(body);
    REQUIRE(document);
    return std::move(*document);
}

}  // namespace

TEST_CASE("requests go out as the golden files say", "[openai]") {
    std::size_t vendors_with_files = 0;
    for (const Vendor* vendor : shaped_like_openai()) {
        if (has_golden(vendor->name)) {
            ++vendors_with_files;
            const Endpoint endpoint = endpoint_of(*vendor);
            golden::check_requests(dialect_of(*vendor), vendor->name,
                                   {.endpoint = &endpoint, .model = kModel}, 2);
        }
    }
    CHECK(vendors_with_files >= 7);
}

TEST_CASE("answers become events as the golden files say, however they are cut", "[openai]") {
    for (const Vendor* vendor : shaped_like_openai()) {
        if (has_golden(vendor->name)) {
            check_answers(vendor->name, Delivery::stream);
            check_answers(vendor->name, Delivery::whole);
        }
    }
}

TEST_CASE("the probe sees in an answer what the decoder sees", "[openai]") {
    for (const Vendor* vendor : shaped_like_openai()) {
        if (!has_golden(vendor->name)) {
            continue;
        }
        for (const golden::Case& one : golden::cases(vendor->name, ".whole.json", "")) {
            INFO(vendor->name << "/" << one.name);
            AnswerProbe probe;
            const Result<void> seen = probe.whole(one.text);
            golden::EventLog log;
            const auto decoder = dialects::openai().decoder(Delivery::whole, {});
            REQUIRE(decoder->feed(one.text, log));
            const Result<void> decoded = decoder->end(log);
            if (!seen) {
                REQUIRE_FALSE(decoded);
                CHECK(seen.error().kind == decoded.error().kind);
                CHECK(seen.error().detail == decoded.error().detail);
            } else {
                CHECK(probe.has_finished() == (log.lines().find("finished") != std::string::npos));
                golden::EventLog usage;
                usage.usage(probe.usage());
                CHECK((!probe.usage().reported ||
                       log.lines().find(usage.lines()) != std::string::npos));
                CHECK(probe.usage().reported == (log.lines().find("usage") != std::string::npos));
            }
        }
    }
}

TEST_CASE("every vendor of this shape gets its own model name and the client's other bytes",
          "[openai]") {
    REQUIRE(shaped_like_openai().size() >= 8);
    for (const Vendor* vendor : shaped_like_openai()) {
        INFO(vendor->name);
        std::string body;
        const json::Document document = sent(
            encode(
                *vendor,
                R"({"x":{"y":[1.0,1e2]}, "model":"p/m","messages":[{"role":"user","content":"d\u00e9j\/"}]})"),
            body);
        CHECK(document["model"].string() == kModel);
        CHECK(document["x"].raw() == R"({"y":[1.0,1e2]})");
        CHECK(document["messages"].raw() == R"([{"role":"user","content":"d\u00e9j\/"}])");
        CHECK(document.root().size() == 3);
    }
}

TEST_CASE("every vendor of this shape is asked for usage the way it can be asked", "[openai]") {
    for (const Vendor* vendor : shaped_like_openai()) {
        INFO(vendor->name);
        for (const std::string_view options :
             {"null", "{}", R"({"include_usage":false})", R"({"include_usage":true})",
              R"({"include_obfuscation":true})"}) {
            std::string body = with_member("stream", "true");
            body.insert(body.size() - 1, R"(,"stream_options":)" + std::string(options));
            std::string out;
            const json::Document document = sent(encode(*vendor, body), out);
            if (vendor->usage_in == UsageIn::last_chunk) {
                CHECK_FALSE(document["stream_options"].exists());
            } else {
                CHECK(document["stream_options"]["include_usage"].boolean());
                CHECK(document["stream_options"]["include_obfuscation"].exists() ==
                      (options.find("obfuscation") != std::string_view::npos));
            }
        }
        std::string out;
        CHECK_FALSE(
            sent(encode(*vendor, with_member("stream", "false")), out)["stream_options"].exists());
    }
}

TEST_CASE("every vendor's edits do what its data says", "[openai]") {
    for (const Vendor* vendor : shaped_like_openai()) {
        INFO(vendor->name);
        const RequestEdits& edits = vendor->request;
        std::string out;
        for (const std::string_view key : edits.refuse) {
            const std::string refused = encode(*vendor, with_member(key, "1"));
            CHECK(refused.starts_with("refused bad_request " + std::string(key) + ": "));
            CHECK(refused.find(vendor->display) != std::string::npos);
            CHECK_FALSE(sent(encode(*vendor, with_member(key, "null")), out)[key].exists());
        }
        for (const std::string_view key : edits.drop) {
            CHECK_FALSE(sent(encode(*vendor, with_member(key, "\"v\"")), out)[key].exists());
        }
        for (const Rename& rename : edits.rename) {
            const json::Document document =
                sent(encode(*vendor, with_member(rename.from, "\"v\"")), out);
            CHECK(document[rename.to].string() == "v");
            CHECK_FALSE(document[rename.from].exists());
        }
        const std::string many = encode(*vendor, with_member("n", "2"));
        CHECK(many.starts_with(edits.single_choice ? "refused bad_request n: " : "POST "));
        CHECK(encode(*vendor, with_member("n", "1")).starts_with("POST "));
        for (const std::string_view key : {"max_tokens", "max_completion_tokens"}) {
            const json::Document document = sent(encode(*vendor, with_member(key, "7")), out);
            const std::string_view name = edits.token_field == TokenField::max_tokens ? "max_tokens"
                                          : edits.token_field == TokenField::max_completion_tokens
                                              ? "max_completion_tokens"
                                              : key;
            CHECK(document[name].integer() == 7);
            CHECK(document.root().size() == 3);
        }
        const json::Document roles = sent(
            encode(
                *vendor,
                R"({"model":"p/m","messages":[{"content":"developer","role":"developer"},{"role" : "user"}]})"),
            out);
        CHECK(roles["messages"][0]["role"].string() ==
              (edits.developer_as_system ? "system" : "developer"));
        CHECK(roles["messages"][0]["content"].string() == "developer");
        const json::Document format = sent(
            encode(*vendor,
                   with_member("response_format", R"({"type":"json_schema","json_schema":{}})")),
            out);
        CHECK(format["response_format"]["type"].string() ==
              (edits.json_schema_as_object ? "json_object" : "json_schema"));
    }
}

TEST_CASE("a dropped or refused field does not survive beside another edit of it", "[openai]") {
    static constexpr Rename kRenames[]{{"a", "b"}, {"c", "d"}};
    static constexpr std::string_view kDrop[]{"a", "response_format"};
    const Vendor vendor{
        .name = "acme",
        .request = {.rename = kRenames, .drop = kDrop, .json_schema_as_object = true}};
    std::string out;
    const json::Document document = sent(
        encode(
            vendor,
            R"({"a":1,"c":2,"d":3,"model":"p/m","messages":[{}],"response_format":{"type":"json_schema"}})"),
        out);
    CHECK(out == R"({"d":3,"model":"model-a","messages":[{}]})"
                 "\n");
}

TEST_CASE("a vendor that reports usage by itself is not sent stream_options", "[openai]") {
    const Vendor vendor{.name = "acme", .usage_in = UsageIn::last_chunk};
    std::string out;
    std::string body = with_member("stream", "true");
    CHECK_FALSE(sent(encode(vendor, body), out)["stream_options"].exists());
    body.insert(body.size() - 1, R"(,"stream_options":{"include_usage":true})");
    CHECK_FALSE(sent(encode(vendor, body), out)["stream_options"].exists());
}

TEST_CASE("paths extend the base URL", "[openai]") {
    struct Row {
        std::string_view base_url;
        std::string_view path;
        std::string_view models;
    };
    const Row rows[] = {
        {"https://api.openai.com/v1", "/v1/chat/completions", "/v1/models"},
        {"https://host", "/chat/completions", "/models"},
        {"https://host/", "/chat/completions", "/models"},
        {"http://10.0.0.5:8000/a/b//", "/a/b/chat/completions", "/a/b/models"},
        {"host:8080/v1", "/v1/chat/completions", "/v1/models"},
    };
    const Vendor vendor{.name = "acme"};
    for (const Row& row : rows) {
        INFO(row.base_url);
        Endpoint endpoint = endpoint_of(vendor);
        endpoint.base_url = row.base_url;
        const std::string encoded = golden::encode(dialects::openai(), with_member("x", "1"),
                                                   {.endpoint = &endpoint, .model = kModel});
        CHECK(encoded.starts_with("POST " + std::string(row.path) + "\n"));
        CHECK(dialects::openai().models_path(endpoint) == row.models);
    }
    const Vendor odd{.name = "acme",
                     .paths = {.chat = "/v3/chat", .embeddings = "/embed", .models = ""}};
    const Endpoint endpoint = endpoint_of(odd);
    CHECK(encode(odd, with_member("x", "1")).starts_with("POST /base/v3/chat\n"));
    CHECK(encode(odd, R"({"model":"p/m","input":"x"})").starts_with("POST /base/embed\n"));
    CHECK(encode(odd, R"({"model":"p/m","prompt":"x"})").starts_with("POST /base/completions\n"));
    CHECK(dialects::openai().models_path(endpoint).empty());
}

TEST_CASE("Azure's paths name the deployment, or its v1 surface", "[openai]") {
    struct Row {
        std::string_view base_url;
        std::string_view version;
        std::string_view path;
        std::string_view models;
        bool asks_usage;
    };
    const Row rows[] = {
        {"https://r.openai.azure.com", "2024-10-21",
         "/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21",
         "/openai/models?api-version=2024-10-21", true},
        {"https://r.openai.azure.com/openai/", "2024-10-21",
         "/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21",
         "/openai/models?api-version=2024-10-21", true},
        {"https://r.openai.azure.com", "2024-09-01-preview",
         "/openai/deployments/my%20gpt/chat/completions?api-version=2024-09-01-preview",
         "/openai/models?api-version=2024-09-01-preview", true},
        {"https://r.openai.azure.com", "2024-06-01",
         "/openai/deployments/my%20gpt/chat/completions?api-version=2024-06-01",
         "/openai/models?api-version=2024-06-01", false},
        {"https://r.openai.azure.com", "v1", "/openai/v1/chat/completions", "/openai/v1/models",
         true},
        {"https://r.openai.azure.com", "preview", "/openai/v1/chat/completions?api-version=preview",
         "/openai/v1/models?api-version=preview", true},
        {"https://r.openai.azure.com/openai/v1", "2024-10-21", "/openai/v1/chat/completions",
         "/openai/v1/models", true},
        {"https://apim.example/team/x", "v1", "/team/x/openai/v1/chat/completions",
         "/team/x/openai/v1/models", true},
    };
    const Vendor* vendor = find_vendor("azure_openai");
    REQUIRE(vendor != nullptr);
    for (const Row& row : rows) {
        INFO(row.base_url << " " << row.version);
        Endpoint endpoint = endpoint_of(*vendor);
        endpoint.base_url = row.base_url;
        endpoint.api_version = row.version;
        endpoint.deployments = {{"gpt-4o", "my gpt"}};
        const std::string encoded = golden::encode(dialects::azure(), with_member("stream", "true"),
                                                   {.endpoint = &endpoint, .model = "gpt-4o"});
        CHECK(encoded.substr(0, encoded.find('\n')) == "POST " + std::string(row.path));
        std::string body;
        const json::Document document = sent(encoded, body);
        CHECK(document["model"].string() == "my gpt");
        CHECK(document["stream_options"].exists() == row.asks_usage);
        CHECK(dialects::azure().models_path(endpoint) == row.models);
    }
    Endpoint endpoint = endpoint_of(*vendor);
    endpoint.api_version.clear();
    CHECK(golden::encode(dialects::azure(), R"({"model":"m","input":"x"})",
                         {.endpoint = &endpoint, .model = "m"})
              .starts_with("POST /base/openai/deployments/m/embeddings?api-version=" +
                           std::string(vendor->api_version) + "\n"));
}

TEST_CASE("a body without edits is one view of the client's bytes", "[openai]") {
    const Vendor vendor{.name = "acme"};
    const Endpoint endpoint = endpoint_of(vendor);
    std::string bytes = with_member("x", "1");
    const std::size_t size = bytes.size();
    bytes.append(kBodySlack, '\0');
    const auto request =
        Request::peek(Operation::chat, std::string_view(bytes).substr(0, size), 64);
    REQUIRE(request);
    UpstreamRequest out;
    REQUIRE(dialects::openai().encode(*request, {.endpoint = &endpoint, .model = "p/m"}, out));
    REQUIRE(out.body.pieces().size() == 1);
    CHECK(out.body.pieces()[0].data() == bytes.data());
    CHECK(out.body.size() == size);
}

TEST_CASE("maps vendors' words for the end of an answer", "[openai]") {
    using openai::finish_reason;
    CHECK(finish_reason("stop") == FinishReason::stop);
    CHECK(finish_reason("eos") == FinishReason::stop);
    CHECK(finish_reason("eos_token") == FinishReason::stop);
    CHECK(finish_reason("end_turn") == FinishReason::stop);
    CHECK(finish_reason("length") == FinishReason::length);
    CHECK(finish_reason("max_tokens") == FinishReason::length);
    CHECK(finish_reason("model_context_window_exceeded") == FinishReason::length);
    CHECK(finish_reason("tool_calls") == FinishReason::tool_calls);
    CHECK(finish_reason("function_call") == FinishReason::tool_calls);
    CHECK(finish_reason("tool_use") == FinishReason::tool_calls);
    CHECK(finish_reason("content_filter") == FinishReason::content_filter);
    CHECK(finish_reason("sensitive") == FinishReason::content_filter);
    CHECK(finish_reason("") == FinishReason::none);
    CHECK(finish_reason("null") == FinishReason::none);
    CHECK(openai::is_failed_reason("insufficient_system_resource"));
    CHECK(openai::is_failed_reason("network_error"));
    CHECK(openai::is_failed_reason("error"));
    CHECK_FALSE(openai::is_failed_reason("stop"));
    CHECK_FALSE(openai::is_failed_reason(""));
}
