// Search citations: groundingMetadata as OpenAI's url_citation annotations.
// https://ai.google.dev/gemini-api/docs/google-search
#include "adapters/dialect/gemini.hpp"

namespace tollgate::adapters::gemini {
namespace {

/// Characters before byte `offset` of UTF-8 text.
std::uint64_t characters_before(std::string_view text, std::uint64_t offset) noexcept {
    std::uint64_t count = 0;
    for (const char c : text.substr(0, offset)) {
        count += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
    }
    return count;
}

}  // namespace

std::string annotations(json::Value grounding, std::string_view text) {
    // A list of citations is short; the bound keeps a hostile answer from making it quadratic.
    constexpr std::size_t kLimit = 256;
    std::string out;
    json::Writer writer(out);
    writer.begin_array();
    const json::Value chunks = grounding["groundingChunks"];
    std::size_t written = 0;
    for (const json::Value support : grounding["groundingSupports"]) {
        const json::Value segment = support["segment"];
        const std::uint64_t begin = characters_before(text, segment["startIndex"].count());
        const std::uint64_t end = characters_before(text, segment["endIndex"].count());
        for (const json::Value index : support["groundingChunkIndices"]) {
            const json::Value web = chunks[static_cast<std::size_t>(index.count())]["web"];
            if (web["uri"].string().empty() || ++written > kLimit) {
                continue;
            }
            writer.begin_object().member("type", "url_citation").key("url_citation");
            writer.begin_object();
            writer.member_count("start_index", begin).member_count("end_index", end);
            writer.member("url", web["uri"].string()).member("title", web["title"].string());
            writer.end_object().end_object();
        }
    }
    writer.end_array();
    return out;
}

}  // namespace tollgate::adapters::gemini
