#include "adapters/auth/aws_credentials.hpp"

#include "adapters/codec/json.hpp"

#include <charconv>
#include <chrono>

namespace tollgate::auth {
namespace {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kSpace = " \t\r";
    const std::size_t begin = text.find_first_not_of(kSpace);
    if (begin == std::string_view::npos) {
        return {};
    }
    return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// The name in a "[name]" or "[profile name]" line; nothing for other lines.
std::optional<std::string_view> section_of(std::string_view line) {
    const std::size_t close = line.find(']');
    if (!line.starts_with('[') || close == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view name = trimmed(line.substr(1, close - 1));
    constexpr std::string_view kPrefix = "profile";
    if (name.starts_with(kPrefix) && name.size() > kPrefix.size() &&
        (name[kPrefix.size()] == ' ' || name[kPrefix.size()] == '\t')) {
        return trimmed(name.substr(kPrefix.size()));
    }
    return name;
}

bool has_section(std::string_view text, std::string_view profile) {
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        if (section_of(trimmed(text.substr(0, end))) == profile) {
            return true;
        }
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return false;
}

template <class Number>
bool read_number(std::string_view text, std::size_t at, std::size_t width, Number& out) {
    if (text.size() < at + width) {
        return false;
    }
    const char* const end = text.data() + at + width;
    const auto [stop, error] = std::from_chars(text.data() + at, end, out);
    return error == std::errc{} && stop == end;
}

}  // namespace

std::optional<std::string> profile_setting(std::string_view text, std::string_view profile,
                                           std::string_view name) {
    std::optional<std::string> found;
    bool inside = false;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view whole = text.substr(0, end);
        const std::string_view line = trimmed(whole);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        // An indented line belongs to a nested block (s3 = …) and is no setting of the profile.
        if (line.empty() || line.front() == '#' || line.front() == ';' || whole.front() == ' ' ||
            whole.front() == '\t') {
            continue;
        }
        if (const auto section = section_of(line)) {
            inside = *section == profile;
            continue;
        }
        const std::size_t equals = line.find('=');
        if (inside && equals != std::string_view::npos && trimmed(line.substr(0, equals)) == name) {
            std::string_view value = line.substr(equals + 1);
            // A comment behind a value needs white space before it; keys may contain '#'
            // themselves.
            value = trimmed(value.substr(0, value.find(" #")));
            found = std::string(value);
        }
    }
    return found;
}

Result<AwsCredentials> parse_credentials_file(std::string_view text, std::string_view profile) {
    if (!has_section(text, profile)) {
        return fail(FailureKind::upstream_auth,
                    "the AWS credentials file has no profile '" + std::string(profile) + "'");
    }
    AwsCredentials out;
    out.access_key = profile_setting(text, profile, "aws_access_key_id").value_or("");
    out.secret = profile_setting(text, profile, "aws_secret_access_key").value_or("");
    out.session_token = profile_setting(text, profile, "aws_session_token").value_or("");
    if (out.access_key.empty() || out.secret.empty()) {
        return fail(FailureKind::upstream_auth,
                    "profile '" + std::string(profile) +
                        "' of the AWS credentials file lacks aws_access_key_id or "
                        "aws_secret_access_key");
    }
    return out;
}

Result<AwsCredentials> parse_credentials_json(std::string_view body) {
    const auto document = json::Document::parse(body);
    if (!document) {
        return fail(FailureKind::upstream_auth, "the AWS credentials endpoint answered no JSON");
    }
    const json::Document& root = *document;
    AwsCredentials out;
    out.access_key = root["AccessKeyId"].string();
    out.secret = root["SecretAccessKey"].string();
    out.session_token = root["Token"].string(root["SessionToken"].string());
    if (out.access_key.empty() || out.secret.empty()) {
        const std::string_view code = root["Code"].string(root["code"].string());
        const std::string_view message = root["Message"].string(root["message"].string());
        std::string detail = "the AWS credentials endpoint gave no keys";
        if (!code.empty() || !message.empty()) {
            detail.append(": ")
                .append(code.substr(0, 100))
                .append(" ")
                .append(message.substr(0, 300));
        }
        return fail(FailureKind::upstream_auth, std::move(detail));
    }
    out.expires_unix = parse_aws_time(root["Expiration"].string());
    return out;
}

std::optional<std::int64_t> parse_aws_time(std::string_view text) {
    int year = 0;
    unsigned month = 0;
    unsigned day = 0;
    unsigned hour = 0;
    unsigned minute = 0;
    unsigned second = 0;
    const bool read = read_number(text, 0, 4, year) && read_number(text, 5, 2, month) &&
                      read_number(text, 8, 2, day) && read_number(text, 11, 2, hour) &&
                      read_number(text, 14, 2, minute) && read_number(text, 17, 2, second);
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                           std::chrono::day(day)};
    if (!read || !text.ends_with('Z') || text[4] != '-' || text[7] != '-' || text[10] != 'T' ||
        text[13] != ':' || text[16] != ':' || !date.ok() || hour > 23 || minute > 59 ||
        second > 60) {
        return std::nullopt;
    }
    const std::chrono::sys_seconds at = std::chrono::sys_days(date) + std::chrono::hours(hour) +
                                        std::chrono::minutes(minute) + std::chrono::seconds(second);
    return at.time_since_epoch().count();
}

}  // namespace tollgate::auth
