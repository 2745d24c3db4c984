#include "adapters/auth/sigv4.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <memory>
#include <optional>
#include <utility>

namespace tollgate::auth {
namespace {

using Digest = SigningKey::Bytes;
using Pair = std::pair<std::string, std::string>;

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

// Headers that proxies and client libraries change or drop on the way; signing them would break the
// signature.
constexpr std::string_view kUnsigned[]{
    "authorization",
    "connection",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-amzn-trace-id",
};

std::string joined(std::initializer_list<std::string_view> parts) {
    std::string out;
    for (const std::string_view part : parts) {
        out.append(part);
    }
    return out;
}

std::string hex(const Digest& digest) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    text.reserve(digest.size() * 2);
    for (const unsigned char byte : digest) {
        text.push_back(kDigits[byte >> 4]);
        text.push_back(kDigits[byte & 0xF]);
    }
    return text;
}

std::optional<Digest> sha256(std::span<const std::string_view> pieces) {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          &EVP_MD_CTX_free);
    if (!context || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1) {
        return std::nullopt;
    }
    for (const std::string_view piece : pieces) {
        if (EVP_DigestUpdate(context.get(), piece.data(), piece.size()) != 1) {
            return std::nullopt;
        }
    }
    Digest digest{};
    if (EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) != 1) {
        return std::nullopt;
    }
    return digest;
}

std::optional<Digest> hmac(std::span<const unsigned char> key, std::string_view text) {
    Digest digest{};
    if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(),
             nullptr) == nullptr) {
        return std::nullopt;
    }
    return digest;
}

bool is_unreserved(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

std::string percent_encode(std::string_view text, bool keep_slash) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size() + 16);
    for (const char c : text) {
        if (is_unreserved(c) || (keep_slash && c == '/')) {
            out.push_back(c);
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out.push_back('%');
            out.push_back(kDigits[byte >> 4]);
            out.push_back(kDigits[byte & 0xF]);
        }
    }
    return out;
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string percent_decode(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int high = text[i] == '%' && i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
        const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
        if (low >= 0) {
            out.push_back(static_cast<char>(high * 16 + low));
            i += 2;
        } else {
            out.push_back(text[i]);
        }
    }
    return out;
}

// RFC 3986 dot-segment removal, and one slash where several stand.
std::string normalized(std::string_view path) {
    std::vector<std::string_view> kept;
    bool ends_in_slash = true;
    while (!path.empty()) {
        const std::size_t slash = path.find('/');
        const std::string_view segment = path.substr(0, slash);
        path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
        ends_in_slash = slash != std::string_view::npos || segment == "." || segment == "..";
        if (segment == "..") {
            if (!kept.empty()) {
                kept.pop_back();
            }
        } else if (!segment.empty() && segment != ".") {
            kept.push_back(segment);
        }
    }
    std::string out = "/";
    for (const std::string_view segment : kept) {
        out.append(segment).push_back('/');
    }
    if (!ends_in_slash && out.size() > 1) {
        out.pop_back();
    }
    return out;
}

std::string canonical_query(std::string_view query) {
    std::vector<Pair> pairs;
    while (!query.empty()) {
        const std::size_t end = query.find('&');
        const std::string_view one = query.substr(0, end);
        query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
        if (one.empty()) {
            continue;
        }
        const std::size_t equals = one.find('=');
        const std::string_view value =
            equals == std::string_view::npos ? std::string_view{} : one.substr(equals + 1);
        // Decoded first: on the wire a name may be encoded already, and it is signed encoded once.
        pairs.emplace_back(percent_encode(percent_decode(one.substr(0, equals)), false),
                           percent_encode(percent_decode(value), false));
    }
    std::sort(pairs.begin(), pairs.end());
    std::string out;
    for (const auto& [name, value] : pairs) {
        out.append(out.empty() ? "" : "&").append(name).append("=").append(value);
    }
    return out;
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    }
    return out;
}

// Trimmed, runs of spaces made one.
std::string folded(std::string_view value) {
    std::string out;
    for (const char c : value) {
        const bool is_space = c == ' ' || c == '\t';
        if (!is_space) {
            out.push_back(c);
        } else if (!out.empty() && out.back() != ' ') {
            out.push_back(' ');
        }
    }
    while (!out.empty() && out.back() == ' ') {
        out.pop_back();
    }
    return out;
}

struct Moment {
    std::string day;     // 20250102
    std::string second;  // 20250102T030405Z
};

void append_padded(std::string& out, std::int64_t number, std::size_t width) {
    const std::string digits = std::to_string(number);
    out.append(width - std::min(width, digits.size()), '0').append(digits);
}

Moment moment(std::int64_t unix_time) {
    const std::chrono::sys_seconds at{std::chrono::seconds(unix_time)};
    const auto midnight = std::chrono::floor<std::chrono::days>(at);
    const std::chrono::year_month_day date(midnight);
    const std::chrono::hh_mm_ss time(at - midnight);
    Moment out;
    append_padded(out.day, static_cast<int>(date.year()), 4);
    append_padded(out.day, static_cast<unsigned>(date.month()), 2);
    append_padded(out.day, static_cast<unsigned>(date.day()), 2);
    out.second = out.day + "T";
    append_padded(out.second, time.hours().count(), 2);
    append_padded(out.second, time.minutes().count(), 2);
    append_padded(out.second, time.seconds().count(), 2);
    out.second.push_back('Z');
    return out;
}

Failure crypto_failure() {
    return {.kind = FailureKind::internal, .detail = "OpenSSL could not compute an AWS signature"};
}

}  // namespace

/// One signature in the making.
class Signer {
public:
    explicit Signer(const SigningInput& input) : input_(input), moment_(moment(input.unix_time)) {}

    Result<void> prepare() {
        const auto body = sha256(input_.body);
        if (!body) {
            return std::unexpected(crypto_failure());
        }
        body_hash_ = hex(*body);
        added_.push_back({"x-amz-date", moment_.second});
        if (!input_.session_token.empty()) {
            added_.push_back({"x-amz-security-token", std::string(input_.session_token)});
        }
        if (input_.send_content_hash) {
            added_.push_back({"x-amz-content-sha256", body_hash_});
        }
        list_headers();
        return {};
    }

    [[nodiscard]] std::string canonical() const {
        const std::size_t mark = input_.target.find('?');
        const std::string_view query =
            mark == std::string_view::npos ? std::string_view{} : input_.target.substr(mark + 1);
        std::string headers;
        for (const auto& [name, value] : signed_) {
            headers.append(name).append(":").append(value).append("\n");
        }
        const std::string path = percent_encode(normalized(input_.target.substr(0, mark)), true);
        return joined({input_.method, "\n", path, "\n", canonical_query(query), "\n", headers, "\n",
                       names_, "\n", body_hash_});
    }

    Result<std::vector<Header>> finish(SigningKey& kept) {
        const std::string request = canonical();
        const std::string_view piece = request;
        const auto digest = sha256(std::span(&piece, 1));
        if (!digest || !derive(kept)) {
            return std::unexpected(crypto_failure());
        }
        const std::string scope =
            joined({moment_.day, "/", input_.region, "/", input_.service, "/aws4_request"});
        const auto signature =
            hmac(kept.bytes_,
                 joined({kAlgorithm, "\n", moment_.second, "\n", scope, "\n", hex(*digest)}));
        if (!signature) {
            return std::unexpected(crypto_failure());
        }
        added_.push_back({"authorization",
                          joined({kAlgorithm, " Credential=", input_.access_key, "/", scope,
                                  ", SignedHeaders=", names_, ", Signature=", hex(*signature)})});
        return std::move(added_);
    }

private:
    void list_headers() {
        std::vector<Pair> all;
        all.emplace_back("host", std::string(input_.host));
        for (const std::span<const Header> list :
             {input_.headers, std::span<const Header>(added_)}) {
            for (const Header& header : list) {
                std::string name = lower(header.name);
                if (std::ranges::find(kUnsigned, name) == std::end(kUnsigned)) {
                    all.emplace_back(std::move(name), folded(header.value));
                }
            }
        }
        // Stable: values of one name stay in the order in which they are sent.
        std::ranges::stable_sort(all, {}, &Pair::first);
        for (Pair& pair : all) {
            if (!signed_.empty() && signed_.back().first == pair.first) {
                signed_.back().second.append(",").append(pair.second);
                continue;
            }
            names_.append(names_.empty() ? "" : ";").append(pair.first);
            signed_.push_back(std::move(pair));
        }
    }

    bool derive(SigningKey& kept) {
        // NUL cannot stand in any of the parts, so the join is unambiguous.
        std::string made_for;
        for (const std::string_view part : {std::string_view(moment_.day), input_.region,
                                            input_.service, input_.access_key, input_.secret}) {
            made_for.append(part).push_back('\0');
        }
        if (kept.made_for_ == made_for) {
            return true;
        }
        const std::string seed = "AWS4" + std::string(input_.secret);
        std::span<const unsigned char> key(reinterpret_cast<const unsigned char*>(seed.data()),
                                           seed.size());
        std::optional<Digest> step;
        for (const std::string_view text : {std::string_view(moment_.day), input_.region,
                                            input_.service, std::string_view("aws4_request")}) {
            const auto next = hmac(key, text);
            if (!next) {
                return false;
            }
            step = next;
            key = *step;
        }
        kept.bytes_ = *step;
        kept.made_for_ = std::move(made_for);
        return true;
    }

    const SigningInput& input_;
    Moment moment_;
    std::string body_hash_;
    std::vector<Header> added_;
    std::vector<Pair> signed_;
    std::string names_;
};

Result<std::vector<Header>> sign(const SigningInput& input, SigningKey* kept) {
    if (input.access_key.empty() || input.secret.empty()) {
        return fail(FailureKind::upstream_auth, "there are no AWS credentials to sign with");
    }
    if (input.region.empty() || input.service.empty()) {
        return fail(FailureKind::upstream_auth, "signing for AWS needs a region (set `location`)");
    }
    Signer signer(input);
    if (auto ready = signer.prepare(); !ready) {
        return std::unexpected(std::move(ready).error());
    }
    SigningKey own;
    return signer.finish(kept != nullptr ? *kept : own);
}

Result<std::string> canonical_request(const SigningInput& input) {
    Signer signer(input);
    if (auto ready = signer.prepare(); !ready) {
        return std::unexpected(std::move(ready).error());
    }
    return signer.canonical();
}

}  // namespace tollgate::auth
