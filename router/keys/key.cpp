#include "router/keys/key.hpp"

namespace tollgate::router {
namespace {

constexpr std::string_view kPrefix = "sha256:";

int nibble(char c) noexcept {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

}  // namespace

std::optional<Digest> parse_digest(std::string_view text) noexcept {
    Digest digest{};
    if (!text.starts_with(kPrefix) || text.size() != kPrefix.size() + 2 * digest.size()) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < digest.size(); ++i) {
        const int high = nibble(text[kPrefix.size() + 2 * i]);
        const int low = nibble(text[kPrefix.size() + 2 * i + 1]);
        if (high < 0 || low < 0) {
            return std::nullopt;
        }
        digest[i] = static_cast<unsigned char>(high << 4 | low);
    }
    return digest;
}

std::string to_text(const Digest& digest) {
    std::string text(kPrefix);
    for (const unsigned char byte : digest) {
        constexpr std::string_view kHex = "0123456789abcdef";
        text.push_back(kHex[byte >> 4]);
        text.push_back(kHex[byte & 15]);
    }
    return text;
}

KeyProfilePtr KeyProfiles::get(const config::KeySettings& key) {
    return *known_
                .insert(std::make_shared<const KeyProfile>(
                    KeyProfile{.team = key.team, .models = key.models, .tags = key.tags}))
                .first;
}

void KeyProfiles::sweep() {
    std::erase_if(known_, [](const KeyProfilePtr& profile) { return profile.use_count() == 1; });
}

KeyPtr Key::make(const KeySpec& spec, std::uint16_t label, LimitStore& store,
                 KeyProfiles* profiles) {
    const config::KeySettings& settings = spec.settings;
    auto key = std::make_shared<Key>();
    const std::optional<Digest> digest = parse_digest(settings.hash);
    const std::optional<Digest> previous = parse_digest(settings.previous_hash);
    key->digest = digest.value_or(Digest{});
    key->has_digest = digest.has_value();
    key->enabled = settings.enabled;
    key->expires = settings.expires.value_or(WallTime::max());
    key->label = label;
    KeyProfiles own;
    key->profile = (profiles != nullptr ? *profiles : own).get(settings);
    if (previous || !settings.certificate_subject.empty()) {
        key->extra = std::make_unique<const KeyExtra>(
            KeyExtra{.previous = previous.value_or(Digest{}),
                     .previous_until = previous ? spec.previous_until : WallTime::min(),
                     .certificate_subject = settings.certificate_subject});
    }
    key->limits.scope = {.kind = config::ScopeKind::key, .name = settings.name};
    key->limits.rates = store.rates(key->limits.scope, settings.limits);
    if (settings.budget) {
        key->limits.budgets.push_back(store.budget(key->limits.scope, *settings.budget));
    }
    return key;
}

}  // namespace tollgate::router
