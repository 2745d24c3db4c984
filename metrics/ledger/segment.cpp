#include "metrics/ledger/segment.hpp"

#include "metrics/ledger/crc32c.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

namespace tollgate::ledger {
namespace {

// The file: this header, then records.  A record: length, checksum, payload, up to the next
// multiple of 8.  The file begins as zeros, and the length is stored last, so a record is there as
// a whole or not at all.
struct Header {
    std::array<char, 8> magic;
    std::uint64_t id;
    std::uint64_t reserved;
    std::uint32_t version;
    std::uint32_t checksum;  // of what stands before it
};
static_assert(sizeof(Header) == 32);
constexpr std::array<char, 8> kMagic{'T', 'O', 'L', 'L', 'J', 'R', 'N', '1'};
constexpr std::uint32_t kVersion = 1;
constexpr std::uint32_t kSeal = 0xffffffff;
constexpr std::size_t kFrame = 8;

std::size_t rounded(std::size_t size) noexcept {
    return (size + 7) & ~std::size_t{7};
}

std::uint32_t checksum(std::uint64_t id, std::uint64_t sequence,
                       std::string_view payload) noexcept {
    const std::array<std::uint64_t, 2> place{id, sequence};
    return crc32c(payload, crc32c({reinterpret_cast<const char*>(place.data()), sizeof place}));
}

// The word that says that a record is there; the writer stores it behind everything else.
std::uint32_t length_at(const char* at) noexcept {
    auto* const word = reinterpret_cast<std::uint32_t*>(const_cast<char*>(at));
    return std::atomic_ref(*word).load(std::memory_order_acquire);
}

std::string file_name(std::uint64_t id) {
    std::string name(16, '0');
    for (std::size_t i = 0; i < 16; ++i) {
        name[i] = "0123456789abcdef"[(id >> (60 - 4 * i)) & 15];
    }
    return name.append(kSegmentSuffix);
}

// Has all pages now.  Where the kernel is too old for it (before 5.14) they come one by one.
bool populate(char* data, std::size_t size) noexcept {
#ifdef MADV_POPULATE_WRITE
    return ::madvise(data, size, MADV_POPULATE_WRITE) == 0 || errno == EINVAL;
#else
    constexpr int kPopulateWrite = 23;  // Linux 5.14, include/uapi/asm-generic/mman-common.h
    return ::madvise(data, size, kPopulateWrite) == 0 || errno == EINVAL;
#endif
}

}  // namespace

std::string to_string(const Trouble& trouble) {
    return "cannot " + std::string(trouble.what) + ": " + ::strerror(trouble.error);
}

std::uint64_t segment_id(std::span<const char> bytes) noexcept {
    Header header;
    if (bytes.size() < sizeof header) {
        return 0;
    }
    std::memcpy(&header, bytes.data(), sizeof header);
    const bool good = header.magic == kMagic && header.version == kVersion &&
                      header.checksum == crc32c({bytes.data(), offsetof(Header, checksum)});
    return good ? header.id : 0;
}

Read read_record(std::span<const char> bytes, Cursor& cursor, std::string_view& payload) noexcept {
    const std::uint64_t id = segment_id(bytes);
    if (id == 0) {
        return Read::damaged;
    }
    const std::size_t offset = cursor.offset == 0 ? sizeof(Header) : cursor.offset;
    if (bytes.size() < offset + kFrame) {
        return Read::sealed;
    }
    const std::uint32_t length = length_at(bytes.data() + offset);
    if (length == 0 || length == kSeal) {
        return length == 0 ? Read::nothing : Read::sealed;
    }
    if (length > bytes.size() - offset - kFrame) {
        return Read::damaged;
    }
    std::uint32_t expected = 0;
    std::memcpy(&expected, bytes.data() + offset + 4, sizeof expected);
    payload = {bytes.data() + offset + kFrame, length};
    if (expected != checksum(id, cursor.sequence, payload)) {
        return Read::damaged;
    }
    cursor.offset = offset + rounded(kFrame + length);
    ++cursor.sequence;
    return Read::record;
}

std::expected<std::shared_ptr<Segment>, Trouble> Segment::create(const std::string& directory,
                                                                 std::uint64_t id,
                                                                 std::size_t size) {
    const std::shared_ptr<Segment> made(new Segment);
    made->id_ = id;
    made->path_ = directory + "/" + file_name(id);
    const auto fail = [&](std::string_view what, int error) {
        if (made->fd_ >= 0) {
            ::unlink(made->path_.c_str());
        }
        return std::unexpected(Trouble{.what = what, .error = error});
    };
    made->fd_ = ::open(made->path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (made->fd_ < 0) {
        return fail("create a journal segment", errno);
    }
    if (::flock(made->fd_, LOCK_EX | LOCK_NB) != 0) {
        return fail("lock a journal segment", errno);
    }
    if (const int error = ::posix_fallocate(made->fd_, 0, static_cast<off_t>(size)); error != 0) {
        return fail("allocate a journal segment", error);
    }
    void* const mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, made->fd_, 0);
    if (mapped == MAP_FAILED) {
        return fail("map a journal segment", errno);
    }
    made->data_ = static_cast<char*>(mapped);
    made->size_ = size;
    if (!populate(made->data_, size)) {
        return fail("fill a journal segment", errno);
    }
    Header header{.magic = kMagic, .id = id, .reserved = 0, .version = kVersion, .checksum = 0};
    header.checksum = crc32c({reinterpret_cast<const char*>(&header), offsetof(Header, checksum)});
    std::memcpy(made->data_, &header, sizeof header);
    made->used_ = sizeof header;
    return made;
}

Segment::~Segment() {
    if (data_ != nullptr) {
        ::munmap(data_, size_);
    }
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

bool Segment::append(std::string_view payload) noexcept {
    const std::size_t whole = rounded(kFrame + payload.size());
    if (payload.empty() || size_ - used_ < whole) {
        return false;
    }
    char* const at = data_ + used_;
    const std::uint32_t sum = checksum(id_, sequence_, payload);
    std::memcpy(at + kFrame, payload.data(), payload.size());
    std::memcpy(at + 4, &sum, sizeof sum);
    std::atomic_ref(*reinterpret_cast<std::uint32_t*>(at))
        .store(static_cast<std::uint32_t>(payload.size()), std::memory_order_release);
    used_ += whole;
    ++sequence_;
    return true;
}

void Segment::seal() noexcept {
    if (size_ - used_ >= kFrame) {
        std::atomic_ref(*reinterpret_cast<std::uint32_t*>(data_ + used_))
            .store(kSeal, std::memory_order_release);
        used_ = size_;
    }
}

bool Segment::sync() const noexcept {
    return ::fdatasync(fd_) == 0;
}

}  // namespace tollgate::ledger
