// Content parts: text, images, documents.
#include "adapters/codec/base64.hpp"
#include "adapters/dialect/anthropic.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace tollgate::adapters::anthropic {
namespace {

// Blocks that a client may write in Anthropic's own form; they pass as they are.
constexpr std::array<std::string_view, 4> kNativeParts{"image", "document", "search_result",
                                                       "container_upload"};

json::Writer open_block(std::string& blocks, std::string_view type) {
    if (!blocks.empty()) {
        blocks += ',';
    }
    json::Writer writer(blocks);
    writer.begin_object().member("type", type);
    return writer;
}

void close_block(json::Writer& writer, std::string_view cache_control) {
    if (!cache_control.empty()) {
        writer.member_raw("cache_control", cache_control);
    }
    writer.end_object();
}

struct DataUrl {
    std::string_view media_type;
    std::string_view base64;
};

std::optional<DataUrl> parse_data_url(std::string_view url) {
    constexpr std::string_view kMark = ";base64";
    const std::size_t comma = url.find(',');
    if (!url.starts_with("data:") || comma == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view head = url.substr(5, comma - 5);
    if (!head.ends_with(kMark)) {
        return std::nullopt;
    }
    head.remove_suffix(kMark.size());
    head = head.substr(0, head.find(';'));
    if (head == "image/jpg") {
        head = "image/jpeg";  // the API knows the registered name only
    }
    return DataUrl{.media_type = head, .base64 = url.substr(comma + 1)};
}

bool is_web_url(std::string_view url) {
    return url.starts_with("https://") || url.starts_with("http://");
}

struct Media {
    std::string_view where;
    std::string_view cache_control;
    std::string_view title;
    std::string_view vendor;
};

void append_source(std::string& blocks, std::string_view block, std::string_view source,
                   std::string_view name, std::string_view value, const Media& media) {
    json::Writer writer = open_block(blocks, block);
    writer.key("source").begin_object().member("type", source).member(name, value).end_object();
    if (block == "document" && !media.title.empty()) {
        writer.member("title", media.title);
    }
    close_block(writer, media.cache_control);
}

Result<void> append_data(std::string& blocks, const DataUrl& data, const Media& media) {
    const bool is_image = data.media_type.starts_with("image/");
    const bool is_text = data.media_type.starts_with("text/");
    if (!is_image && !is_text && data.media_type != "application/pdf") {
        return fail_param(media.where, std::string(media.vendor) +
                                           " takes images, PDF and text, not " +
                                           std::string(data.media_type));
    }
    std::string text;
    if (is_text) {
        std::optional<std::string> decoded = codec::base64_decode(data.base64);
        if (!decoded) {
            return fail_param(media.where, "the data URL is not valid base64");
        }
        text = std::move(*decoded);
    }
    json::Writer writer = open_block(blocks, is_image ? "image" : "document");
    writer.key("source").begin_object();
    writer.member("type", is_text ? "text" : "base64");
    writer.member("media_type", is_text ? "text/plain" : data.media_type);
    writer.member("data", is_text ? std::string_view(text) : data.base64);
    writer.end_object();
    if (!is_image && !media.title.empty()) {
        writer.member("title", media.title);
    }
    close_block(writer, media.cache_control);
    return {};
}

Result<void> append_image(std::string& blocks, json::Value image, const Media& media) {
    const std::string_view url = image.is_string() ? image.string() : image["url"].string();
    if (const std::optional<DataUrl> data = parse_data_url(url)) {
        return append_data(blocks, *data, media);
    }
    if (!is_web_url(url)) {
        return fail_param(std::string(media.where) + ".image_url.url",
                          "an http(s) URL or a base64 data URL is needed");
    }
    append_source(blocks, "image", "url", "url", url, media);
    return {};
}

Result<void> append_file(std::string& blocks, json::Value file, Media media) {
    media.title = file["filename"].string();
    if (const std::string_view id = file["file_id"].string(); !id.empty()) {
        // OpenAI's image-as-file and document-as-file look alike; a document is what the field is
        // for.
        append_source(blocks, "document", "file", "file_id", id, media);
        return {};
    }
    const std::string_view url =
        file["file_data"].exists() ? file["file_data"].string() : file["file_url"].string();
    if (const std::optional<DataUrl> data = parse_data_url(url)) {
        return append_data(blocks, *data, media);
    }
    if (is_web_url(url)) {
        append_source(blocks, "document", "url", "url", url, media);
        return {};
    }
    return fail_param(std::string(media.where) + ".file",
                      "file_id, or file_data as a base64 data URL, is needed");
}

void append_native(std::string& blocks, json::Value part, std::string_view cache_control) {
    if (!blocks.empty()) {
        blocks += ',';
    }
    if (cache_control.empty() || part["cache_control"].exists()) {
        blocks += part.raw();
        return;
    }
    json::Writer writer(blocks);
    writer.begin_object();
    for (const json::Value member : part) {
        writer.member_raw(member.key(), member.raw());
    }
    close_block(writer, cache_control);
}

}  // namespace

void append_text(std::string& blocks, std::string_view text, std::string_view cache_control) {
    if (text.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos) {
        return;
    }
    json::Writer writer = open_block(blocks, "text");
    writer.member("text", text);
    close_block(writer, cache_control);
}

Result<void> append_part(std::string& blocks, json::Value part, std::string_view where,
                         std::string_view cache_control, std::string_view vendor) {
    if (part.is_string()) {
        append_text(blocks, part.string(), cache_control);
        return {};
    }
    if (part["cache_control"].is_object()) {
        cache_control = part["cache_control"].raw();
    }
    const Media media{
        .where = where, .cache_control = cache_control, .title = {}, .vendor = vendor};
    const std::string_view type = part["type"].string();
    if (type == "text" || type == "input_text" || type == "output_text") {
        append_text(blocks, part["text"].string(), cache_control);
        return {};
    }
    if (type == "image_url") {
        return append_image(blocks, part["image_url"], media);
    }
    if (type == "file") {
        return append_file(blocks, part["file"], media);
    }
    if (std::ranges::find(kNativeParts, type) != kNativeParts.end()) {
        append_native(blocks, part, cache_control);
        return {};
    }
    if (type.empty()) {
        return fail_param(std::string(where) + ".type", "a content part needs a type");
    }
    return fail_param(where,
                      std::string(vendor) + " does not take content of type " + std::string(type));
}

}  // namespace tollgate::adapters::anthropic
