// Records a decoder's events as lines of text, so that golden files can hold them and runs can be
// compared.
#pragma once

#include "adapters/codec/json.hpp"
#include "adapters/event.hpp"

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>

namespace tollgate::tests {

class EventLog final : public adapters::EventSink {
public:
    void started(const adapters::AnswerStart& start) override {
        line("started") += quoted(start.id) + quoted(start.model);
    }
    void text(unsigned choice, std::string_view piece) override {
        line("text", choice) += quoted(piece);
    }
    void reasoning(unsigned choice, std::string_view piece) override {
        line("reasoning", choice) += quoted(piece);
    }
    void refusal(unsigned choice, std::string_view piece) override {
        line("refusal", choice) += quoted(piece);
    }
    void tool_call(unsigned choice, unsigned index, std::string_view id,
                   std::string_view name) override {
        line("tool_call", choice) += " " + std::to_string(index) + quoted(id) + quoted(name);
    }
    void tool_arguments(unsigned choice, unsigned index, std::string_view piece) override {
        line("tool_arguments", choice) += " " + std::to_string(index) + quoted(piece);
    }
    void extension(unsigned choice, std::string_view name, std::string_view json) override {
        line("extension", choice) += " " + std::string(name) + " " + std::string(json);
    }
    void finished(unsigned choice, adapters::FinishReason reason) override {
        line("finished", choice) += " " + std::string(adapters::to_string(reason));
    }
    void usage(const adapters::Usage& usage) override {
        std::string& out = line("usage");
        const auto counter = [&out](std::string_view name, std::uint64_t count) {
            if (count != 0) {
                out += " " + std::string(name) + "=" + std::to_string(count);
            }
        };
        counter("input", usage.input);
        counter("cache_read", usage.cache_read);
        counter("cache_write", usage.cache_write + usage.cache_write_1h);
        counter("output", usage.output);
        counter("reasoning", usage.reasoning);
        counter("audio_input", usage.audio_input);
        counter("audio_output", usage.audio_output);
    }
    void failed(const Failure& failure) {
        line("failed") +=
            " " + std::string(failover::policy(failure.kind).name) + quoted(failure.detail);
    }

    /// One event per line.
    [[nodiscard]] const std::string& text_of_all() const noexcept { return all_; }

private:
    std::string& line(std::string_view name) {
        if (!all_.empty()) {
            all_ += '\n';
        }
        return all_ += name;
    }
    std::string& line(std::string_view name, unsigned choice) {
        return line(name) += " " + std::to_string(choice);
    }
    static std::string quoted(std::string_view text) {
        std::string out = " ";
        json::append_string(out, text);
        return out;
    }

    std::string all_;
};

/// Feeds `bytes` in pieces of `step` (the first one `first` long), then ends; the log of all that.
inline std::string decode(std::unique_ptr<adapters::Decoder> decoder, std::string_view bytes,
                          std::size_t first, std::size_t step) {
    EventLog log;
    Result<void> done;
    for (std::size_t take = first; done && !bytes.empty(); take = step) {
        take = take < bytes.size() ? take : bytes.size();
        // A copy of just these bytes, so that a view kept too long is seen by the address
        // sanitizer.
        const auto piece = std::make_unique<std::string>(bytes.substr(0, take));
        done = decoder->feed(*piece, log);
        bytes.remove_prefix(take);
    }
    if (done) {
        done = decoder->end(log);
    }
    if (!done) {
        log.failed(done.error());
    }
    return log.text_of_all();
}

inline std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace tollgate::tests
