#include "adapters/catalog.hpp"

#include "tests/support/catch.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

using namespace tollgate::adapters;
namespace fs = std::filesystem;

namespace {

std::string read(const fs::path& path) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

}  // namespace

TEST_CASE("the catalog is sorted and its names and aliases are unique", "[catalog]") {
    const auto is_before = [](const Vendor* a, const Vendor* b) { return a->name < b->name; };
    CHECK(std::is_sorted(vendors().begin(), vendors().end(), is_before));
    CHECK(vendors().size() >= 14);
    std::set<std::string_view> names;
    for (const Vendor* vendor : vendors()) {
        INFO(vendor->name);
        CHECK(names.insert(vendor->name).second);
        for (const std::string_view alias : vendor->aliases) {
            INFO(alias);
            CHECK(names.insert(alias).second);
        }
    }
}

TEST_CASE("finds a vendor by its name and by every alias", "[catalog]") {
    for (const Vendor* vendor : vendors()) {
        CHECK(find_vendor(vendor->name) == vendor);
        for (const std::string_view alias : vendor->aliases) {
            CHECK(find_vendor(alias) == vendor);
        }
    }
    CHECK(find_vendor("") == nullptr);
    CHECK(find_vendor("OpenAI") == nullptr);
    CHECK(find_vendor("no-such-vendor") == nullptr);
}

TEST_CASE("every vendor says enough to be used and where that comes from", "[catalog]") {
    for (const Vendor* vendor : vendors()) {
        INFO(vendor->name);
        CHECK_FALSE(vendor->name.empty());
        CHECK(vendor->name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") ==
              std::string_view::npos);
        CHECK_FALSE(vendor->display.empty());
        const bool is_builtin = vendor->kind == VendorKind::builtin;
        CHECK(vendor->docs.starts_with(is_builtin ? "docs/" : "https://"));
        CHECK(has(vendor->operations, Op::chat));
        CHECK((vendor->auth == Auth::api_key_header) == !vendor->auth_header.empty());
        CHECK_FALSE(vendor->base_url.ends_with('/'));
        CHECK((vendor->base_url.empty() || is_builtin || vendor->base_url.starts_with("https://") ||
               (vendor->kind == VendorKind::local && vendor->base_url.starts_with("http://"))));
        for (const std::string_view variable : vendor->key_env) {
            CHECK(variable.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
                  std::string_view::npos);
        }
        for (const std::string_view path : {vendor->paths.chat, vendor->paths.completions,
                                            vendor->paths.embeddings, vendor->paths.models}) {
            CHECK((path.empty() || path.starts_with('/')));
        }
    }
}

TEST_CASE("the catalog lists exactly the vendor files that exist", "[catalog]") {
    std::set<std::string> files;
    for (const auto& entry : fs::directory_iterator(fs::path(TOLLGATE_SOURCE_DIR) / "adapters")) {
        if (entry.path().extension() == ".cpp" &&
            read(entry.path()).find("constinit const Vendor ") != std::string::npos) {
            files.insert(entry.path().stem().string());
        }
    }
    std::set<std::string> listed;
    for (const Vendor* vendor : vendors()) {
        listed.emplace(vendor->name);
    }
    CHECK(files == listed);
}

TEST_CASE("a vendor file is short and cites its source", "[catalog]") {
    for (const Vendor* vendor : vendors()) {
        INFO(vendor->name);
        const std::string text =
            read(fs::path(TOLLGATE_SOURCE_DIR) / "adapters" / (std::string(vendor->name) + ".cpp"));
        CHECK(std::count(text.begin(), text.end(), '\n') <= 40);
        const std::string_view head = std::string_view(text).substr(0, text.find("#include"));
        CHECK(head.find("Source:") != std::string_view::npos);
        CHECK(head.find(vendor->docs) != std::string_view::npos);
        CHECK((head.find("read 20") != std::string_view::npos ||
               head.find("Read 20") != std::string_view::npos));
    }
}
