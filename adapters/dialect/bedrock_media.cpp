// Images, documents, video and audio as Converse blocks.  Bedrock fetches nothing but s3://
// objects.
#include "adapters/dialect/bedrock.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace tollgate::adapters::bedrock {
namespace {

struct Kind {
    std::string_view media_type;
    std::string_view extension;
    std::string_view format;
};

constexpr std::array kImages{
    Kind{"image/png", "png", "png"},    Kind{"image/jpeg", "jpeg", "jpeg"},
    Kind{"image/jpg", "jpg", "jpeg"},   Kind{"image/gif", "gif", "gif"},
    Kind{"image/webp", "webp", "webp"},
};
constexpr std::array kDocuments{
    Kind{"application/pdf", "pdf", "pdf"},
    Kind{"text/csv", "csv", "csv"},
    Kind{"application/msword", "doc", "doc"},
    Kind{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx", "docx"},
    Kind{"application/vnd.ms-excel", "xls", "xls"},
    Kind{"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx", "xlsx"},
    Kind{"text/html", "html", "html"},
    Kind{"text/plain", "txt", "txt"},
    Kind{"text/markdown", "md", "md"},
};
constexpr std::array kVideos{
    Kind{"video/mp4", "mp4", "mp4"},        Kind{"video/quicktime", "mov", "mov"},
    Kind{"video/x-matroska", "mkv", "mkv"}, Kind{"video/webm", "webm", "webm"},
    Kind{"video/x-flv", "flv", "flv"},      Kind{"video/mpeg", "mpeg", "mpeg"},
    Kind{"video/mpeg", "mpg", "mpg"},       Kind{"video/3gpp", "3gp", "three_gp"},
};
constexpr std::array kAudios{
    Kind{"audio/mpeg", "mp3", "mp3"},   Kind{"audio/wav", "wav", "wav"},
    Kind{"audio/flac", "flac", "flac"}, Kind{"audio/ogg", "ogg", "ogg"},
    Kind{"audio/opus", "opus", "opus"}, Kind{"audio/aac", "aac", "aac"},
};

template <std::size_t N>
std::string_view format_of(const std::array<Kind, N>& kinds, std::string_view Kind::*by,
                           std::string_view value) {
    const auto found = std::ranges::find(kinds, value, by);
    return found == kinds.end() ? std::string_view{} : found->format;
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    }
    return out;
}

std::string extension_of(std::string_view name) {
    const std::size_t dot = name.rfind('.');
    return dot == std::string_view::npos ? std::string{} : lower(name.substr(dot + 1));
}

struct DataUrl {
    std::string media_type;
    std::string_view base64;
};

// data:<type>[;parameter…];base64,<data>
std::optional<DataUrl> data_url(std::string_view url) {
    const std::size_t comma = url.find(',');
    if (comma == std::string_view::npos || lower(url.substr(0, 5)) != "data:") {
        return std::nullopt;
    }
    const std::string head = lower(url.substr(5, comma - 5));
    if (!head.ends_with(";base64")) {
        return std::nullopt;
    }
    return DataUrl{.media_type = head.substr(0, head.find(';')), .base64 = url.substr(comma + 1)};
}

// Only the alphabet and the length are looked at: what the bytes mean is for the vendor to say.
bool is_base64(std::string_view text) {
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    return !text.empty() && text.size() % 4 == 0 &&
           std::ranges::all_of(text.substr(0, text.size() - padding), [](char c) {
               return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                      c == '+' || c == '/';
           });
}

struct Block {
    std::string_view key;  // image, document, …
    std::string_view format;
    std::string name = {};  // documents
    std::string_view base64 = {};
    std::string_view s3 = {};
};

std::string write(const Block& block) {
    std::string out;
    out.reserve(block.base64.size() + 128);
    json::Writer writer(out);
    writer.begin_object().key(block.key).begin_object().member("format", block.format);
    if (!block.name.empty()) {
        writer.member("name", block.name);
    }
    writer.key("source").begin_object();
    if (block.s3.empty()) {
        writer.member("bytes", block.base64);
    } else {
        writer.key("s3Location").begin_object().member("uri", block.s3).end_object();
    }
    writer.end_object().end_object().end_object();
    return out;
}

struct Wanted {
    std::string_view key;
    std::string_view what;     // for people
    std::string_view formats;  // for people
};

template <std::size_t N>
Result<std::string> from_url(std::string_view url, const std::string& where,
                             const std::array<Kind, N>& kinds, const Wanted& wanted) {
    Block block{.key = wanted.key, .format = {}};
    if (url.starts_with("s3://")) {
        block.format = format_of(kinds, &Kind::extension, extension_of(url));
        block.s3 = url;
    } else if (const auto data = data_url(url)) {
        block.format = format_of(kinds, &Kind::media_type, data->media_type);
        block.base64 = data->base64;
        if (!is_base64(data->base64)) {
            return fail_param(where, "The " + std::string(wanted.what) + " in " + where +
                                         " is not valid base64 (standard alphabet, padded).");
        }
    } else {
        return fail_param(where, "Bedrock does not fetch links: send the " +
                                     std::string(wanted.what) + " in " + where +
                                     " as a base64 data URL (data:<type>;base64,…) or "
                                     "as an s3:// URI.");
    }
    if (block.format.empty()) {
        return fail_param(where, "Bedrock takes " + std::string(wanted.what) + "s of the formats " +
                                     std::string(wanted.formats) + " only; " + where +
                                     " is of another type.");
    }
    return write(block);
}

std::string_view url_of(json::Value part, std::string_view member) {
    return part[member].is_string() ? part[member].string() : part[member]["url"].string();
}

// Letters, digits, single spaces, hyphens, parentheses and brackets; unlike any name before it.
std::string document_name(std::string_view file_name, std::vector<std::string>& taken) {
    std::string name;
    for (const char c : file_name.substr(0, std::min<std::size_t>(file_name.rfind('.'), 150))) {
        const bool is_plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                              (c >= '0' && c <= '9') || c == '-' || c == '(' || c == ')' ||
                              c == '[' || c == ']';
        if (is_plain) {
            name.push_back(c);
        } else if (!name.empty() && name.back() != ' ') {
            name.push_back(' ');
        }
    }
    while (!name.empty() && name.back() == ' ') {
        name.pop_back();
    }
    if (name.empty()) {
        name = "document";
    }
    const std::string base = name;
    for (unsigned number = 2; std::ranges::find(taken, name) != taken.end(); ++number) {
        name = base + "-" + std::to_string(number);
    }
    taken.push_back(name);
    return name;
}

Result<std::string> document(json::Value part, std::string_view where,
                             std::vector<std::string>& taken) {
    const json::Value file = part["file"];
    const std::string at = std::string(where) + ".file.file_data";
    const std::string_view content = file["file_data"].string();
    if (content.empty()) {
        return fail_param(std::string(where) + ".file",
                          "Bedrock has no file store: send the document itself in " + at +
                              " (base64), not a file_id.");
    }
    const std::string_view file_name = file["filename"].string(file["file_name"].string());
    Block block{.key = "document", .format = {}};
    if (content.starts_with("s3://")) {
        block.s3 = content;
        block.format = format_of(kDocuments, &Kind::extension, extension_of(content));
    } else {
        const auto data = data_url(content);
        block.base64 = data ? data->base64 : content;
        if (!is_base64(block.base64)) {
            return fail_param(
                at, "The document in " + at + " is not valid base64 (standard alphabet, padded).");
        }
        if (data) {
            block.format = format_of(kDocuments, &Kind::media_type, data->media_type);
        }
    }
    if (block.format.empty()) {
        block.format = format_of(kDocuments, &Kind::extension, extension_of(file_name));
    }
    if (block.format.empty()) {
        return fail_param(
            at,
            "Bedrock takes documents of the formats pdf, csv, doc, docx, xls, xlsx, html, "
            "txt, md only; neither the media type nor the filename in " +
                std::string(where) + " says that it is one.");
    }
    block.name = document_name(file_name, taken);
    return write(block);
}

Result<std::string> audio(json::Value part, std::string_view where, const ModelTraits& traits) {
    const std::string at = std::string(where) + ".input_audio";
    if (!traits.audio) {
        return fail_param(at, "This Bedrock model takes no audio input; remove " + at + ".");
    }
    const std::string_view data = part["input_audio"]["data"].string();
    const std::string_view format =
        format_of(kAudios, &Kind::extension, part["input_audio"]["format"].string());
    if (!is_base64(data) || format.empty()) {
        return fail_param(
            at,
            "Audio for Bedrock needs base64 `data` and a `format` of mp3, wav, flac, ogg, "
            "opus or aac in " +
                at + ".");
    }
    return write({.key = "audio", .format = format, .base64 = data});
}

}  // namespace

Result<std::string> media_block(json::Value part, std::string_view where, const ModelTraits& traits,
                                std::vector<std::string>& documents) {
    const std::string_view type = part["type"].string();
    if (type == "image_url") {
        return from_url(url_of(part, "image_url"), std::string(where) + ".image_url.url", kImages,
                        {.key = "image", .what = "image", .formats = "png, jpeg, gif and webp"});
    }
    if (type == "video_url") {
        return from_url(url_of(part, "video_url"), std::string(where) + ".video_url.url", kVideos,
                        {.key = "video",
                         .what = "video",
                         .formats = "mp4, mov, mkv, webm, flv, mpeg, mpg and 3gp"});
    }
    if (type == "file") {
        return document(part, where, documents);
    }
    if (type == "input_audio") {
        return audio(part, where, traits);
    }
    const std::string at = std::string(where) + ".type";
    return fail_param(at, "Bedrock has no content part of the type '" +
                              std::string(type.substr(0, 64)) + "' (" + at +
                              "); use text, image_url, file or video_url.");
}

}  // namespace tollgate::adapters::bedrock
