#include "adapters/demo/embedding.hpp"

#include "adapters/codec/base64.hpp"
#include "adapters/demo/text.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>

namespace tollgate::demo {
namespace {

using json::Value;

constexpr int kCoordinatesPerWord = 8;
constexpr std::size_t kMostNumbers = 1'000'000;  // of one answer, about 12 MB as text

struct Input {
    std::vector<std::uint64_t> words;
    std::uint64_t tokens = 0;
};

Input read_text(std::string_view text) {
    Input input;
    for (std::string_view word : pieces(text)) {
        word.remove_prefix(std::min(word.find_first_not_of(" \n\t\r"), word.size()));
        input.words.push_back(hash(word));
    }
    input.tokens = prompt_tokens(text.size());
    return input;
}

Result<Input> read_tokens(Value tokens, const std::string& param) {
    Input input;
    for (const Value token : tokens) {
        const auto id = token.integer();
        if (!id || *id < 0) {
            return fail_param(param, "Token arrays hold non-negative integers only.");
        }
        input.words.push_back(static_cast<std::uint64_t>(*id));
    }
    input.tokens = input.words.size();
    return input;
}

Result<Input> read_one(Value value, const std::string& param) {
    if (value.is_string() && !value.string().empty()) {
        return read_text(value.string());
    }
    if (value.is_array() && value.size() > 0) {
        return read_tokens(value, param);
    }
    return fail_param(param, "An input must be a non-empty string or a non-empty array of tokens.");
}

Result<std::vector<Input>> read_inputs(Value value) {
    std::vector<Input> inputs;
    const bool many = value.is_array() && !value[std::size_t{0}].is_number();
    if (!many) {
        auto one = read_one(value, "input");
        if (!one) {
            return std::unexpected(std::move(one.error()));
        }
        inputs.push_back(std::move(*one));
        return inputs;
    }
    if (value.size() == 0 || value.size() > kMostInputs) {
        return fail_param("input",
                          "One request takes 1 to " + std::to_string(kMostInputs) + " inputs.");
    }
    for (const Value item : value) {
        auto one = read_one(item, "input[" + std::to_string(inputs.size()) + "]");
        if (!one) {
            return std::unexpected(std::move(one.error()));
        }
        inputs.push_back(std::move(*one));
    }
    return inputs;
}

void append_floats(json::Writer& writer, const std::vector<float>& vector) {
    writer.begin_array();
    std::array<char, 32> digits{};
    for (const float number : vector) {
        const auto [end, error] =
            std::to_chars(digits.data(), digits.data() + digits.size(), number);
        writer.raw({digits.data(), static_cast<std::size_t>(end - digits.data())});
    }
    writer.end_array();
}

/// Little-endian 32-bit floats, as OpenAI packs them.
std::string pack(const std::vector<float>& vector) {
    std::string bytes;
    bytes.reserve(vector.size() * 4);
    for (const float number : vector) {
        const auto bits = std::bit_cast<std::uint32_t>(number);
        for (unsigned shift = 0; shift < 32; shift += 8) {
            bytes.push_back(static_cast<char>((bits >> shift) & 0xFFU));
        }
    }
    return codec::base64_encode(bytes);
}

Result<std::size_t> read_dimensions(Value value) {
    if (!value.exists() || value.is_null()) {
        return kDefaultDimensions;
    }
    const auto wanted = value.integer();
    if (!wanted || *wanted < 1 || *wanted > static_cast<std::int64_t>(kMostDimensions)) {
        return fail_param("dimensions", "dimensions must be an integer from 1 to " +
                                            std::to_string(kMostDimensions) + ".");
    }
    return static_cast<std::size_t>(*wanted);
}

}  // namespace

std::vector<float> embed(const std::vector<std::uint64_t>& words, std::size_t dimensions) {
    std::vector<double> sum(dimensions, 0.0);
    std::uint64_t whole = words.size();
    for (const std::uint64_t word : words) {
        std::uint64_t state = mix(word);
        whole = mix(whole ^ word);
        for (int i = 0; i < kCoordinatesPerWord; ++i) {
            state = mix(state);
            sum[state % dimensions] += (state >> 63U) != 0 ? 1.0 : -1.0;
        }
    }
    double squares = 0;
    for (double& coordinate :
         sum) {  // a little noise of the whole text, so that no vector is zero and order counts
        whole = mix(whole);
        coordinate += (static_cast<double>(whole >> 11U) * 0x1.0p-53 - 0.5) * 0.1 + 1e-6;
        squares += coordinate * coordinate;
    }
    std::vector<float> unit;
    unit.reserve(dimensions);
    for (const double coordinate : sum) {
        unit.push_back(static_cast<float>(coordinate / std::sqrt(squares)));
    }
    return unit;
}

Result<std::string> answer_embeddings(json::Value request, std::string_view model) {
    const Value format = request["encoding_format"];
    const bool packed = format.string() == "base64";
    if (format.exists() && !format.is_null() && !packed && format.string() != "float") {
        return fail_param("encoding_format", "encoding_format must be \"float\" or \"base64\".");
    }
    const auto dimensions = read_dimensions(request["dimensions"]);
    if (!dimensions) {
        return std::unexpected(dimensions.error());
    }
    auto inputs = read_inputs(request["input"]);
    if (!inputs) {
        return std::unexpected(std::move(inputs.error()));
    }
    if (inputs->size() * *dimensions > kMostNumbers) {
        return fail_param("dimensions", "inputs × dimensions must not exceed 1,000,000.");
    }
    std::string body;
    json::Writer writer(body);
    writer.begin_object().member("object", "list").key("data").begin_array();
    std::uint64_t tokens = 0;
    std::uint64_t index = 0;
    for (const Input& input : *inputs) {
        const std::vector<float> vector = embed(input.words, *dimensions);
        writer.begin_object().member("object", "embedding").member_count("index", index++);
        writer.key("embedding");
        if (packed) {
            writer.string(pack(vector));
        } else {
            append_floats(writer, vector);
        }
        writer.end_object();
        tokens += input.tokens;
    }
    writer.end_array().member("model", model).key("usage").begin_object();
    writer.member_count("prompt_tokens", tokens).member_count("total_tokens", tokens);
    writer.end_object().end_object();
    return body;
}

}  // namespace tollgate::demo
