// Images, audio, video and files as Gemini parts: inlineData for bytes in the request, fileData for
// references. https://ai.google.dev/gemini-api/docs/image-understanding,
// https://ai.google.dev/gemini-api/docs/files
#include "adapters/dialect/gemini.hpp"

#include <algorithm>
#include <array>

namespace tollgate::adapters::gemini {
namespace {

struct Extension {
    std::string_view suffix;
    std::string_view mime;
};
constexpr std::array kExtensions{
    Extension{"jpg", "image/jpeg"},      Extension{"jpeg", "image/jpeg"},
    Extension{"png", "image/png"},       Extension{"gif", "image/gif"},
    Extension{"webp", "image/webp"},     Extension{"heic", "image/heic"},
    Extension{"heif", "image/heif"},     Extension{"bmp", "image/bmp"},
    Extension{"pdf", "application/pdf"}, Extension{"txt", "text/plain"},
    Extension{"md", "text/markdown"},    Extension{"html", "text/html"},
    Extension{"csv", "text/csv"},        Extension{"json", "application/json"},
    Extension{"mp3", "audio/mp3"},       Extension{"wav", "audio/wav"},
    Extension{"flac", "audio/flac"},     Extension{"ogg", "audio/ogg"},
    Extension{"aac", "audio/aac"},       Extension{"m4a", "audio/m4a"},
    Extension{"aiff", "audio/aiff"},     Extension{"mp4", "video/mp4"},
    Extension{"mov", "video/mov"},       Extension{"mpeg", "video/mpeg"},
    Extension{"mpg", "video/mpg"},       Extension{"webm", "video/webm"},
    Extension{"avi", "video/avi"},       Extension{"wmv", "video/wmv"},
    Extension{"flv", "video/x-flv"},     Extension{"3gp", "video/3gpp"},
};

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](unsigned char c) {
        return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    });
    return out;
}

/// By the name's suffix; empty when it says nothing.
std::string_view mime_of_name(std::string_view name) {
    name = name.substr(0, name.find_first_of("?#"));
    name = name.substr(name.rfind('/') + 1);
    const std::size_t dot = name.rfind('.');
    if (dot == std::string_view::npos) {
        return {};
    }
    const std::string suffix = lower(name.substr(dot + 1));
    const auto* found = std::ranges::find(kExtensions, suffix, &Extension::suffix);
    return found == kExtensions.end() ? std::string_view{} : found->mime;
}

std::string inline_part(std::string_view mime, std::string_view base64) {
    std::string out;
    out.reserve(base64.size() + 96);
    json::Writer writer(out);
    writer.begin_object().key("inlineData").begin_object();
    writer.member("mimeType", mime == "image/jpg" ? "image/jpeg" : mime).member("data", base64);
    writer.end_object().end_object();
    return out;
}

std::string file_part(std::string_view mime, std::string_view uri) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object().key("fileData").begin_object();
    if (!mime.empty()) {
        writer.member("mimeType", mime);
    }
    writer.member("fileUri", uri);
    writer.end_object().end_object();
    return out;
}

Result<std::string> data_url_part(std::string_view url, const std::string& where) {
    const std::size_t comma = url.find(',');
    if (comma == std::string_view::npos) {
        return fail_param(where, "the data URL has no comma before its data");
    }
    constexpr std::string_view kScheme = "data:";
    const std::string_view head = url.substr(kScheme.size(), comma - kScheme.size());
    if (!lower(head).ends_with(";base64")) {
        return fail_param(where,
                          "the data URL is not base64; Gemini takes inline data only in base64");
    }
    const std::string mime = lower(head.substr(0, head.find(';')));
    if (mime.empty()) {
        return fail_param(where,
                          "the data URL names no media type; write e.g. data:image/png;base64,…");
    }
    return inline_part(mime, url.substr(comma + 1));
}

std::string_view without_scheme(std::string_view url) noexcept {
    for (const std::string_view scheme : {"https://", "http://"}) {
        if (url.starts_with(scheme)) {
            return url.substr(scheme.size());
        }
    }
    return {};
}

bool is_youtube(std::string_view rest) noexcept {
    for (const std::string_view host :
         {"www.youtube.com/", "youtube.com/", "m.youtube.com/", "youtu.be/"}) {
        if (rest.starts_with(host)) {
            return true;
        }
    }
    return false;
}

/// A reference to something stored elsewhere.  The Gemini API opens only its own Files API and
/// YouTube; Vertex AI also opens gs:// and public http(s) URLs, and insists on a media type.
Result<std::string> url_part(std::string_view url, std::string_view mime_hint,
                             std::string_view mime_default, Surface surface,
                             const std::string& where) {
    if (lower(url.substr(0, 5)) == "data:") {
        return data_url_part(url, where);
    }
    std::string_view mime = mime_hint.empty() ? mime_of_name(url) : mime_hint;
    const std::string_view rest = without_scheme(url);
    if (surface == Surface::vertex) {
        if (rest.empty() && !url.starts_with("gs://")) {
            return fail_param(where,
                              "Vertex AI takes data:, gs://, https:// and http:// URLs here");
        }
        if (mime.empty()) {
            mime = is_youtube(rest) ? std::string_view("video/mp4") : mime_default;
        }
        return file_part(mime, url);
    }
    constexpr std::string_view kFiles = "generativelanguage.googleapis.com/";
    if (is_youtube(rest) ||
        (rest.starts_with(kFiles) && rest.find("/files/") != std::string_view::npos)) {
        return file_part(mime, url);
    }
    return fail_param(
        where,
        "the Gemini API does not fetch arbitrary URLs: send the data inline as a data: URL, upload "
        "it "
        "to Google's Files API and send that URI, or use vertex_ai, which fetches public URLs");
}

Result<std::string> url_member(json::Value part, std::string_view name,
                               std::string_view mime_default, Surface surface,
                               std::string_view where) {
    const json::Value value = part[name];
    const std::string path = std::string(where) + "." + std::string(name);
    // The object form is OpenAI's; the bare string is common among compatible servers.
    const std::string_view url = value.is_string() ? value.string() : value["url"].string();
    if (url.empty()) {
        return fail_param(path, "has no url");
    }
    return url_part(url, value["format"].string(), mime_default, surface, path);
}

Result<std::string> audio_part(json::Value part, std::string_view where) {
    const json::Value audio = part["input_audio"];
    const std::string_view data = audio["data"].string();
    const std::string_view format = audio["format"].string();
    if (data.empty() || format.empty()) {
        return fail_param(std::string(where) + ".input_audio", "needs data (base64) and format");
    }
    return inline_part("audio/" + lower(format), data);
}

Result<std::string> document_part(json::Value part, std::string_view where, Surface surface) {
    const json::Value file = part["file"];
    const std::string path = std::string(where) + ".file";
    const std::string_view name = file["filename"].string();
    std::string_view mime = file["format"].string();
    if (mime.empty()) {
        mime = mime_of_name(name);
    }
    if (const std::string_view data = file["file_data"].string(); !data.empty()) {
        if (lower(data.substr(0, 5)) == "data:") {
            return data_url_part(data, path + ".file_data");
        }
        return inline_part(mime.empty() ? "application/pdf" : mime, data);
    }
    // OpenAI's file ids mean nothing to Google; a URI in their place does.
    if (const std::string_view id = file["file_id"].string(); !id.empty()) {
        if (id.find(':') == std::string_view::npos) {
            return fail_param(path + ".file_id",
                              "an uploaded file's id means nothing to Google: send file_data, or a "
                              "Google file URI");
        }
        return url_part(id, mime, "application/pdf", surface, path + ".file_id");
    }
    return fail_param(path, "needs file_data");
}

}  // namespace

Result<std::string> media_part(json::Value part, std::string_view where, Surface surface) {
    const std::string_view type = part["type"].string();
    if (type == "image_url") {
        return url_member(part, type, "image/jpeg", surface, where);
    }
    if (type == "video_url") {
        return url_member(part, type, "video/mp4", surface, where);
    }
    if (type == "input_audio") {
        return audio_part(part, where);
    }
    if (type == "file") {
        return document_part(part, where, surface);
    }
    return fail_param(std::string(where) + ".type", "Gemini has no content part of type '" +
                                                        std::string(type.substr(0, 40)) + "'");
}

}  // namespace tollgate::adapters::gemini
