#include "adapters/codec/content_coding.hpp"

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <cctype>
#include <optional>
#include <vector>

namespace tollgate::codec {
namespace {

constexpr std::size_t kBlock = 16 * 1024;
constexpr std::size_t kMaxCodings =
    4;  // real traffic has one; each further one multiplies a bomb's reach

std::unexpected<Failure> corrupt(std::string_view coding, std::string_view why) {
    return fail(
        FailureKind::protocol_error,
        "The " + std::string(coding) + " content coding is broken: " + std::string(why) + ".");
}

class BlockSink {
public:
    virtual ~BlockSink() = default;
    virtual Result<void> take(std::string_view block) = 0;
};

/// One coding.  Emits blocks of at most kBlock bytes, so that a limit stops it early.
class Stage {
public:
    virtual ~Stage() = default;
    virtual Result<void> write(std::string_view in, BlockSink& sink) = 0;
    virtual Result<void> end() = 0;
};

enum class ZlibForm : std::uint8_t { gzip, deflate };

class ZlibStage final : public Stage {
public:
    explicit ZlibStage(ZlibForm form) : form_(form) {}
    ~ZlibStage() override {
        if (open_) {
            inflateEnd(&stream_);
        }
    }
    ZlibStage(const ZlibStage&) = delete;
    ZlibStage& operator=(const ZlibStage&) = delete;

    Result<void> write(std::string_view in, BlockSink& sink) override {
        if (in.empty()) {
            return {};
        }
        if (!open_) {
            if (form_ == ZlibForm::deflate && head_.size() + in.size() < 2) {
                head_.append(in);
                return {};
            }
            if (!start(in)) {
                return fail(FailureKind::internal, "zlib could not be set up.");
            }
            const std::string head = std::move(head_);
            if (auto done = inflate_all(head, sink); !done) {
                return done;
            }
        }
        return inflate_all(in, sink);
    }

    Result<void> end() override {
        if (!at_end_) {
            return corrupt(name(), "it ends before its end marker");
        }
        return {};
    }

private:
    [[nodiscard]] std::string_view name() const {
        return form_ == ZlibForm::gzip ? "gzip" : "deflate";
    }

    // "deflate" means the zlib wrapper (RFC 9110 §8.4.1.2), but servers exist that send raw
    // deflate; the two bytes of a zlib header are a multiple of 31 with method 8, which raw data is
    // only by a rare accident.
    bool start(std::string_view in) {
        int window_bits = MAX_WBITS + 16;
        if (form_ == ZlibForm::deflate) {
            const std::string first = head_ + std::string(in.substr(0, 2));
            const auto cmf = static_cast<unsigned char>(first[0]);
            const auto flags = static_cast<unsigned char>(first[1]);
            const bool wrapped = (cmf & 0x0fU) == 8 && (cmf * 256U + flags) % 31U == 0;
            window_bits = wrapped ? MAX_WBITS : -MAX_WBITS;
        }
        open_ = inflateInit2(&stream_, window_bits) == Z_OK;
        return open_;
    }

    Result<void> inflate_all(std::string_view in, BlockSink& sink) {
        // zlib counts input in 32 bits.
        while (!in.empty()) {
            const std::string_view part = in.substr(0, 1U << 30U);
            in.remove_prefix(part.size());
            if (auto done = inflate_part(part, sink); !done) {
                return done;
            }
        }
        return {};
    }

    Result<void> inflate_part(std::string_view in, BlockSink& sink) {
        std::array<char, kBlock> block;  // written by zlib before it is read
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
        stream_.avail_in = static_cast<uInt>(in.size());
        bool more = true;
        while (more) {
            if (at_end_ && stream_.avail_in > 0 && !next_member()) {
                return corrupt(name(), "bytes follow its end");
            }
            stream_.next_out = reinterpret_cast<Bytef*>(block.data());
            stream_.avail_out = static_cast<uInt>(block.size());
            const int code = inflate(&stream_, Z_NO_FLUSH);
            if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
                return corrupt(name(), stream_.msg != nullptr ? stream_.msg : "invalid data");
            }
            const std::size_t made = block.size() - stream_.avail_out;
            if (made > 0) {
                if (auto taken = sink.take({block.data(), made}); !taken) {
                    return taken;
                }
            }
            at_end_ = code == Z_STREAM_END;
            more =
                at_end_ ? stream_.avail_in > 0 : (stream_.avail_out == 0 || stream_.avail_in > 0);
        }
        return {};
    }

    // A gzip body may be several members in a row (RFC 1952 §2.2); deflate has no such form.
    bool next_member() {
        if (form_ != ZlibForm::gzip || *stream_.next_in != 0x1f) {
            return false;
        }
        at_end_ = false;
        return inflateReset(&stream_) == Z_OK;
    }

    ZlibForm form_;
    z_stream stream_{};
    std::string head_;  // the first byte of a deflate body, until the second tells its form
    bool open_ = false;
    bool at_end_ = false;
};

class BrotliStage final : public Stage {
public:
    BrotliStage() : state_(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)) {}
    ~BrotliStage() override { BrotliDecoderDestroyInstance(state_); }
    BrotliStage(const BrotliStage&) = delete;
    BrotliStage& operator=(const BrotliStage&) = delete;

    Result<void> write(std::string_view in, BlockSink& sink) override {
        if (in.empty()) {
            return {};
        }
        if (state_ == nullptr) {
            return fail(FailureKind::internal, "The brotli decoder could not be set up.");
        }
        std::array<std::uint8_t, kBlock> block;
        const auto* next_in = reinterpret_cast<const std::uint8_t*>(in.data());
        std::size_t left = in.size();
        BrotliDecoderResult code = BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT;
        while (!at_end_ && code == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) {
            std::uint8_t* next_out = block.data();
            std::size_t room = block.size();
            code =
                BrotliDecoderDecompressStream(state_, &left, &next_in, &room, &next_out, nullptr);
            if (code == BROTLI_DECODER_RESULT_ERROR) {
                return corrupt("br", BrotliDecoderErrorString(BrotliDecoderGetErrorCode(state_)));
            }
            const std::size_t made = block.size() - room;
            if (made > 0) {
                if (auto taken = sink.take({reinterpret_cast<const char*>(block.data()), made});
                    !taken) {
                    return taken;
                }
            }
            at_end_ = code == BROTLI_DECODER_RESULT_SUCCESS;
        }
        if (at_end_ && left > 0) {
            return corrupt("br", "bytes follow its end");
        }
        return {};
    }

    Result<void> end() override {
        if (!at_end_) {
            return corrupt("br", "it ends before its end marker");
        }
        return {};
    }

private:
    BrotliDecoderState* state_;
    bool at_end_ = false;
};

class ZstdStage final : public Stage {
public:
    ZstdStage() : stream_(ZSTD_createDStream()) {
        if (stream_ != nullptr) {
            // RFC 9659: a zstd content coding must not need a window above 8 MiB.
            ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, 23);
        }
    }
    ~ZstdStage() override { ZSTD_freeDStream(stream_); }
    ZstdStage(const ZstdStage&) = delete;
    ZstdStage& operator=(const ZstdStage&) = delete;

    Result<void> write(std::string_view in, BlockSink& sink) override {
        if (stream_ == nullptr) {
            return fail(FailureKind::internal, "The zstd decoder could not be set up.");
        }
        std::array<char, kBlock> block;
        ZSTD_inBuffer input{in.data(), in.size(), 0};
        bool full = false;
        while (input.pos < input.size || full) {
            ZSTD_outBuffer output{block.data(), block.size(), 0};
            const std::size_t code = ZSTD_decompressStream(stream_, &output, &input);
            if (ZSTD_isError(code) != 0) {
                return corrupt("zstd", ZSTD_getErrorName(code));
            }
            if (output.pos > 0) {
                if (auto taken = sink.take({block.data(), output.pos}); !taken) {
                    return taken;
                }
            }
            at_end_ = code == 0;
            full = !at_end_ && output.pos == output.size;
        }
        return {};
    }

    Result<void> end() override {
        if (!at_end_) {
            return corrupt("zstd", "it ends before its end marker");
        }
        return {};
    }

private:
    ZSTD_DStream* stream_;
    bool at_end_ = false;
};

/// Stages in decoding order.  Blocks go straight from one to the next; nothing is kept between
/// them.
class Chain final : public ContentDecoder {
public:
    explicit Chain(std::vector<std::unique_ptr<Stage>> stages) : stages_(std::move(stages)) {}

    Result<void> feed(std::string_view in, std::string& out, std::size_t out_limit) override {
        if (failed_) {
            return corrupt("body's", "it failed before");
        }
        Result<void> done = run(0, in, out, out_limit);
        failed_ = !done.has_value();
        return done;
    }

    Result<void> end() override {
        if (failed_) {
            return corrupt("body's", "it failed before");
        }
        for (const auto& stage : stages_) {
            if (auto done = stage->end(); !done) {
                return done;
            }
        }
        return {};
    }

private:
    class Next final : public BlockSink {
    public:
        Next(Chain& chain, std::size_t index, std::string& out, std::size_t limit)
            : chain_(chain), index_(index), out_(out), limit_(limit) {}
        Result<void> take(std::string_view block) override {
            // Also what passes between two stages is bounded, or a bomb that decodes to many empty
            // members would burn processor time without ever growing `out`.
            passed_ += block.size();
            if (passed_ > limit_) {
                return over(limit_);
            }
            return chain_.run(index_, block, out_, limit_);
        }

    private:
        Chain& chain_;
        std::size_t index_;
        std::string& out_;
        std::size_t limit_;
        std::size_t passed_ = 0;
    };

    static std::unexpected<Failure> over(std::size_t limit) {
        return fail(FailureKind::too_large, "The decoded body is larger than the limit of " +
                                                std::to_string(limit) + " bytes.");
    }

    Result<void> run(std::size_t index, std::string_view in, std::string& out, std::size_t limit) {
        if (index == stages_.size()) {
            if (out.size() > limit || in.size() > limit - out.size()) {
                return over(limit);
            }
            out.append(in);
            return {};
        }
        Next next(*this, index + 1, out, limit);
        return stages_[index]->write(in, next);
    }

    std::vector<std::unique_ptr<Stage>> stages_;
    bool failed_ = false;
};

std::string token_of(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) {
        return {};
    }
    std::string token(text.substr(begin, text.find_last_not_of(" \t") - begin + 1));
    for (char& c : token) {
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    return token;
}

std::unique_ptr<Stage> make_stage(std::string_view coding) {
    if (coding == "gzip" || coding == "x-gzip") {
        return std::make_unique<ZlibStage>(ZlibForm::gzip);
    }
    if (coding == "deflate") {
        return std::make_unique<ZlibStage>(ZlibForm::deflate);
    }
    if (coding == "br") {
        return std::make_unique<BrotliStage>();
    }
    if (coding == "zstd") {
        return std::make_unique<ZstdStage>();
    }
    return nullptr;
}

}  // namespace

std::unique_ptr<ContentDecoder> ContentDecoder::make(std::string_view content_encoding) {
    std::vector<std::unique_ptr<Stage>> stages;
    while (true) {
        const std::size_t comma = content_encoding.find(',');
        const std::string token = token_of(content_encoding.substr(0, comma));
        if (!token.empty() && token != "identity") {
            std::unique_ptr<Stage> stage = make_stage(token);
            if (stage == nullptr || stages.size() == kMaxCodings) {
                return nullptr;
            }
            stages.insert(stages.begin(), std::move(stage));  // the last applied is undone first
        }
        if (comma == std::string_view::npos) {
            return std::make_unique<Chain>(std::move(stages));
        }
        content_encoding.remove_prefix(comma + 1);
    }
}

}  // namespace tollgate::codec
