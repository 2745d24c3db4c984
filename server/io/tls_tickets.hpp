// The keys of TLS session tickets (RFC 8446 section 4.6.1, RFC 5077).
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

struct evp_cipher_st;
struct evp_cipher_ctx_st;
struct evp_mac_ctx_st;

namespace tollgate::server {

/// Every worker has its own, made from the same seed: the keys follow from it and from the time
/// alone, so each worker opens the others' tickets without sharing anything.  Each step forgets the
/// secret that it came from, so whoever reads our memory cannot open older tickets.
class TicketKeys {
public:
    using Seed = std::array<unsigned char, 32>;
    using TimePoint = std::chrono::steady_clock::time_point;
    static constexpr std::size_t kNameSize = 16;
    using Name = std::span<const unsigned char, kNameSize>;

    /// A new key comes into use after this.
    static constexpr std::chrono::seconds kRotation = std::chrono::hours(1);
    /// How long a ticket may be used; the keys of that time are kept.
    static constexpr std::chrono::seconds kLifetime = std::chrono::hours(2);

    struct Key {
        std::array<unsigned char, kNameSize> name;
        std::array<unsigned char, 32> cipher;
        std::array<unsigned char, 32> mac;
    };

    [[nodiscard]] static Seed random_seed();
    TicketKeys(const Seed& seed, TimePoint start);
    ~TicketKeys();
    TicketKeys(const TicketKeys&) = delete;
    TicketKeys& operator=(const TicketKeys&) = delete;

    /// The key for new tickets.  The reference lives until the next call.
    [[nodiscard]] const Key& current(TimePoint now);
    /// The key of that name, or null when it is not ours or too old.
    [[nodiscard]] const Key* find(Name name, TimePoint now);

    /// Sets up sealing with `key`, or opening; false when OpenSSL cannot.
    [[nodiscard]] bool prepare(const Key& key, evp_cipher_ctx_st* cipher, evp_mac_ctx_st* mac,
                               const unsigned char* iv, bool sealing) const;

private:
    static constexpr std::size_t kKept = 3;  // the current one and those of kLifetime before it
    static_assert(kRotation * (kKept - 1) >= kLifetime);
    void advance(TimePoint now);
    void derive(std::size_t slot);

    Seed chain_;  // of the current period
    TimePoint start_;
    std::uint64_t period_ = 0;
    std::array<Key, kKept> keys_{};  // period modulo kKept
    evp_cipher_st* cipher_;
};

}  // namespace tollgate::server
