#include "adapters/codec/json_edit.hpp"

#include "adapters/codec/json.hpp"
#include "tests/support/catch.hpp"

#include <functional>
#include <string>
#include <vector>

using namespace tollgate;
using adapters::Operation;
using adapters::Request;
using json::ObjectEdit;

namespace {

Request peek(std::string& body) {
    const std::size_t size = body.size();
    body.append(adapters::kBodySlack, '\0');
    auto request = Request::peek(Operation::embeddings, std::string_view(body).substr(0, size), 64);
    REQUIRE(request);
    return *request;
}

/// The body after `change`; always checked to be JSON.
std::string edited(std::string body,
                   const std::function<void(const Request&, ObjectEdit&)>& change) {
    const Request request = peek(body);
    ObjectEdit edit(request);
    change(request, edit);
    adapters::BodyPieces pieces;
    std::move(edit).write(pieces);
    const std::string joined = pieces.joined();
    CHECK(pieces.size() == joined.size());
    INFO(joined);
    CHECK(json::Document::parse(joined));
    return joined;
}

std::string without(const std::string& body, const std::vector<std::string_view>& keys) {
    return edited(body, [&keys](const Request& request, ObjectEdit& edit) {
        for (const std::string_view key : keys) {
            edit.remove(*request.find(key));
        }
    });
}

const std::string kTight = R"({"model":"m","input":"x","a":[1,{"b":2}],"z":null})";
const std::string kLoose =
    "\r\n{ \"model\" :\t\"m\" ,\n  \"input\":\"x\"\n, \"a\" : [ 1 ] ,\"z\" :null\t} \n";

}  // namespace

TEST_CASE("an edit without changes is the source itself", "[json_edit]") {
    std::string body = kLoose;
    const Request request = peek(body);
    ObjectEdit edit(request);
    CHECK(edit.empty());
    adapters::BodyPieces pieces;
    std::move(edit).write(pieces);
    REQUIRE(pieces.pieces().size() == 1);
    CHECK(pieces.pieces()[0].data() == request.body.data());
    CHECK(pieces.joined() == kLoose);
}

TEST_CASE("removes a member at any place with the comma that goes with it", "[json_edit]") {
    struct Row {
        std::string body;
        std::vector<std::string_view> keys;
        std::string expected;
    };
    const Row rows[] = {
        {kTight, {"model"}, R"({"input":"x","a":[1,{"b":2}],"z":null})"},
        {kTight, {"input"}, R"({"model":"m","a":[1,{"b":2}],"z":null})"},
        {kTight, {"z"}, R"({"model":"m","input":"x","a":[1,{"b":2}]})"},
        {kTight, {"a", "z"}, R"({"model":"m","input":"x"})"},
        {kTight, {"z", "a"}, R"({"model":"m","input":"x"})"},
        {kTight, {"model", "z"}, R"({"input":"x","a":[1,{"b":2}]})"},
        {kTight, {"model", "a"}, R"({"input":"x","z":null})"},
        {kTight, {"model", "input", "a"}, R"({"z":null})"},
        {kTight, {"input", "a", "z"}, R"({"model":"m"})"},
        {kTight, {"model", "input", "a", "z"}, "{}"},
        {kLoose, {"model"}, "\r\n{ \"input\":\"x\"\n, \"a\" : [ 1 ] ,\"z\" :null\t} \n"},
        {kLoose, {"input"}, "\r\n{ \"model\" :\t\"m\" ,\n  \"a\" : [ 1 ] ,\"z\" :null\t} \n"},
        {kLoose, {"z"}, "\r\n{ \"model\" :\t\"m\" ,\n  \"input\":\"x\"\n, \"a\" : [ 1 ]\t} \n"},
        {kLoose, {"model", "input", "a", "z"}, "\r\n{ \t} \n"},
    };
    for (const Row& row : rows) {
        CHECK(without(row.body, row.keys) == row.expected);
    }
}

TEST_CASE("every combination of removals and an addition leaves just the others", "[json_edit]") {
    for (const std::string& body : {kTight, kLoose}) {
        const std::string_view keys[] = {"model", "input", "a", "z"};
        for (unsigned mask = 0; mask < 16; ++mask) {
            for (const bool add : {false, true}) {
                const std::string result =
                    edited(body, [&](const Request& request, ObjectEdit& edit) {
                        for (unsigned i = 0; i < 4; ++i) {
                            if ((mask >> i & 1U) != 0) {
                                edit.remove(*request.find(keys[i]));
                                CHECK(edit.is_removed(*request.find(keys[i])));
                            }
                        }
                        if (add) {
                            edit.append("new", "[7]");
                            edit.append("new2", "8");
                        }
                        CHECK(edit.empty() == (mask == 0 && !add));
                    });
                const auto before = json::Document::parse(body);
                const auto after = json::Document::parse(result);
                REQUIRE(before);
                REQUIRE(after);
                std::size_t expected = add ? 2 : 0;
                for (unsigned i = 0; i < 4; ++i) {
                    const bool gone = (mask >> i & 1U) != 0;
                    expected += gone ? 0 : 1;
                    CHECK((*after)[keys[i]].raw() == (gone ? "" : (*before)[keys[i]].raw()));
                }
                CHECK(after->root().size() == expected);
                CHECK((*after)["new"].raw() == (add ? "[7]" : ""));
                CHECK((*after)["new2"].raw() == (add ? "8" : ""));
            }
        }
    }
}

TEST_CASE("adds a member to an empty object", "[json_edit]") {
    for (const std::string_view source : {"{}", " { } ", "{\n}"}) {
        ObjectEdit edit(source, {});
        edit.append("a", "1");
        adapters::BodyPieces pieces;
        std::move(edit).write(pieces);
        const std::string joined = pieces.joined();
        const auto document = json::Document::parse(joined);
        REQUIRE(document);
        CHECK((*document)["a"].integer() == 1);
        CHECK(document->root().size() == 1);
    }
}

TEST_CASE("renames and replaces by byte range, in any order", "[json_edit]") {
    const std::string result = edited(kLoose, [](const Request& request, ObjectEdit& edit) {
        edit.replace(request.find("z")->value, "\"Z\"");
        edit.rename(*request.find("a"), "b\"c");
        edit.replace(request.find("model")->value, "\"other\"");
        edit.insert(request.find("a")->value.begin + 1, "0,");
        edit.append("k", "true");
    });
    CHECK(result ==
          "\r\n{ \"model\" :\t\"other\" ,\n  \"input\":\"x\"\n, \"b\\\"c\" : [0, 1 ] ,\"z\" "
          ":\"Z\",\"k\":true\t} \n");
}

TEST_CASE("forgets edits inside a removed member and keeps its neighbours'", "[json_edit]") {
    for (const std::string_view gone : {"model", "input", "a", "z"}) {
        const std::string result = edited(kTight, [gone](const Request& request, ObjectEdit& edit) {
            for (const adapters::Member& member : request.members) {
                edit.rename(member, "new_" + std::string(member.key));
                edit.replace(member.value, "9");
            }
            edit.remove(*request.find(gone));
            edit.append("last", "0");
        });
        const auto document = json::Document::parse(result);
        REQUIRE(document);
        CHECK(document->root().size() == 4);
        for (const std::string_view key : {"model", "input", "a", "z"}) {
            CHECK((*document)["new_" + std::string(key)].raw() == (key == gone ? "" : "9"));
        }
        CHECK((*document)["last"].raw() == "0");
    }
}
