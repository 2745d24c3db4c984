#include "metrics/catalog/catalog.hpp"

#include "metrics/catalog/reader.hpp"

#include <algorithm>
#include <bit>

namespace tollgate::catalog {
namespace {

constexpr char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same(std::string_view a, std::string_view b) noexcept {
    return std::ranges::equal(a, b, {}, lower, lower);
}

// FNV-1a over the lower-case letters.
std::size_t hash(std::string_view id) noexcept {
    std::uint64_t value = 0xcbf29ce484222325ULL;
    for (const char c : id) {
        value = (value ^ static_cast<unsigned char>(lower(c))) * 0x100000001b3ULL;
    }
    return static_cast<std::size_t>(value ^ (value >> 32));
}

template <class Use>
void for_each_item(std::string_view list, Use use) {
    while (!list.empty()) {
        const std::size_t end = std::min(list.find(','), list.size());
        use(list.substr(0, end));
        list.remove_prefix(std::min(end + 1, list.size()));
    }
}

bool all_digits(std::string_view text) noexcept {
    return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// What stands before "-2025-08-07", "-20250807", "@20250807", "-0613", "-latest" or "@latest" at
/// the end of an id; empty where there is no such thing.
std::string_view without_date(std::string_view id) noexcept {
    for (const std::string_view word : {"-latest", "@latest", ":latest"}) {
        if (id.ends_with(word)) {
            return id.substr(0, id.size() - word.size());
        }
    }
    const auto ends_with_digits = [id](std::size_t n) {
        return id.size() > n + 1 && all_digits(id.substr(id.size() - n)) &&
               (id[id.size() - n - 1] == '-' || id[id.size() - n - 1] == '@');
    };
    if (id.size() > 11) {
        const std::string_view date = id.substr(id.size() - 11);
        if ((date[0] == '-' || date[0] == '@') && date[5] == '-' && date[8] == '-' &&
            all_digits(date.substr(1, 4)) && all_digits(date.substr(6, 2)) &&
            all_digits(date.substr(9))) {
            return id.substr(0, id.size() - 11);
        }
    }
    for (const std::size_t digits : {8U, 4U}) {
        if (ends_with_digits(digits)) {
            return id.substr(0, id.size() - digits - 1);
        }
    }
    return {};
}

/// An id of Amazon Bedrock without the region group before it and the version behind it:
/// "us.anthropic.claude-x-20250929-v1:0" is "anthropic.claude-x-20250929-v1".
/// https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
std::string_view without_region(std::string_view id) noexcept {
    for (const std::string_view group :
         {"us.", "eu.", "apac.", "global.", "jp.", "au.", "ca.", "us-gov."}) {
        if (id.starts_with(group)) {
            return id.substr(group.size());
        }
    }
    return {};
}

}  // namespace

bool is_listed(std::string_view list, std::string_view name) noexcept {
    bool found = false;
    for_each_item(list, [&](std::string_view item) { found = found || same(item, name); });
    return found;
}

void Vendor::add_to_index(std::string_view id, std::uint32_t model) {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t at = hash(id) & mask;; at = (at + 1) & mask) {
        if (slots_[at].id.empty()) {
            slots_[at] = {.id = id, .model = model};
            return;
        }
        if (same(slots_[at].id, id)) {
            return;  // an id counts for more than an alias, the first alias for more than others
        }
    }
}

void Vendor::index() {
    std::size_t names = models_.size();
    for (const Model& model : models_) {
        for_each_item(model.aliases, [&](std::string_view) { ++names; });
    }
    slots_.resize(std::bit_ceil(names * 2 + 1));
    for (std::uint32_t i = 0; i < models_.size(); ++i) {
        add_to_index(models_[i].id, i);
    }
    for (std::uint32_t i = 0; i < models_.size(); ++i) {
        for_each_item(models_[i].aliases, [&](std::string_view alias) { add_to_index(alias, i); });
    }
}

const Model* Vendor::exactly(std::string_view id) const noexcept {
    if (slots_.empty() || id.empty()) {
        return nullptr;
    }
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t at = hash(id) & mask; !slots_[at].id.empty(); at = (at + 1) & mask) {
        if (same(slots_[at].id, id)) {
            return &models_[slots_[at].model];
        }
    }
    return nullptr;
}

const Model* Vendor::find(std::string_view id) const {
    if (id.empty()) {
        return nullptr;
    }
    if (const Model* const model = exactly(id)) {
        return model;
    }
    // OpenAI's fine-tuned models: "ft:gpt-4o-2024-08-06:organisation:name:id".
    if (id.starts_with("ft:")) {
        const std::size_t end = id.find(':', 3);
        return end == std::string_view::npos ? nullptr : find(id.substr(0, end));
    }
    if (const std::string_view plain = without_region(id); !plain.empty()) {
        return find(plain);
    }
    if (const std::string_view family = without_date(id); !family.empty()) {
        if (const Model* const model = exactly(family)) {
            return model;
        }
    }
    if (id.ends_with(":0")) {  // Bedrock's version
        return find(id.substr(0, id.size() - 2));
    }
    const Model* newest = nullptr;
    for (const Model& model : models_) {
        if (same(without_date(model.id), id) && (newest == nullptr || newest->id < model.id)) {
            newest = &model;
        }
    }
    return newest;
}

std::expected<Catalog, Fault> Catalog::read(std::string_view text, const Wanted& wanted,
                                            Check check) {
    Catalog catalog;
    std::size_t line = 1;
    constexpr std::string_view kVendor = "vendor ";
    std::size_t at = 0;
    const auto next_section = [&](std::size_t from) {
        const std::size_t found = text.find("\nvendor ", from);
        return found == std::string_view::npos ? text.size() : found + 1;
    };
    // Before the first vendor there are comments only.
    while (at < text.size() && !text.substr(at).starts_with(kVendor)) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::string_view before = text.substr(at, end - at);
        if (before.find_first_not_of(" \r") != std::string_view::npos && before[0] != '#') {
            return std::unexpected(Fault{.line = line, .text = "expected a vendor or a comment"});
        }
        at = std::min(end + 1, text.size());
        ++line;
    }
    while (at < text.size()) {
        const std::size_t end = next_section(at);
        const std::string_view section = text.substr(at, end - at);
        const std::string_view head =
            section.substr(kVendor.size(), section.find_first_of("\r\n") - kVendor.size());
        const std::string_view name = head.substr(0, head.find(' '));
        bool is_wanted = wanted(name);
        if (const std::size_t aliases = head.find(" alias="); aliases != std::string_view::npos) {
            const std::string_view list = head.substr(aliases + 7);
            for_each_item(list.substr(0, list.find(' ')),
                          [&](std::string_view alias) { is_wanted = is_wanted || wanted(alias); });
        }
        if (is_wanted || check == Check::all) {
            std::expected<std::unique_ptr<Vendor>, Fault> vendor =
                VendorReader::read(section, line);
            if (!vendor) {
                return std::unexpected(std::move(vendor.error()));
            }
            if (is_wanted) {
                catalog.vendors_.push_back(std::move(*vendor));
            }
        }
        line += static_cast<std::size_t>(std::ranges::count(section, '\n'));
        at = end;
    }
    return catalog;
}

const Vendor* Catalog::vendor(std::string_view name) const noexcept {
    const auto found = std::ranges::find_if(vendors_, [&](const auto& vendor) {
        return same(vendor->name(), name) || is_listed(vendor->aliases(), name);
    });
    return found == vendors_.end() ? nullptr : found->get();
}

}  // namespace tollgate::catalog
