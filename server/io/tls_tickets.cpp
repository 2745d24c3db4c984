#include "server/io/tls_tickets.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <stdexcept>
#include <string_view>

namespace tollgate::server {
namespace {

// A value that only whoever knows `secret` can compute; a different one for each label.
std::array<unsigned char, 32> derived(const TicketKeys::Seed& secret, std::string_view label) {
    std::array<unsigned char, 32> out{};
    unsigned size = 0;
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(label.data()), label.size(), out.data(), &size);
    return out;
}

}  // namespace

TicketKeys::Seed TicketKeys::random_seed() {
    Seed seed{};
    if (RAND_bytes(seed.data(), static_cast<int>(seed.size())) != 1) {
        throw std::runtime_error("no random numbers for the keys of session tickets");
    }
    return seed;
}

TicketKeys::TicketKeys(const Seed& seed, TimePoint start)
    : chain_(seed),
      start_(start),
      // Fetched once: a look-up for each ticket costs more than sealing it.
      cipher_(EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr)) {
    derive(0);
}

TicketKeys::~TicketKeys() {
    OPENSSL_cleanse(chain_.data(), chain_.size());
    OPENSSL_cleanse(keys_.data(), sizeof keys_);
    EVP_CIPHER_free(cipher_);
}

void TicketKeys::derive(std::size_t slot) {
    Key& key = keys_[slot];
    const auto name = derived(chain_, "name");
    std::copy_n(name.begin(), key.name.size(), key.name.begin());
    key.cipher = derived(chain_, "cipher");
    key.mac = derived(chain_, "mac");
}

void TicketKeys::advance(TimePoint now) {
    const auto target =
        static_cast<std::uint64_t>(std::max<std::int64_t>(0, (now - start_) / kRotation));
    while (period_ < target) {
        Seed next = derived(chain_, "next");
        chain_ = next;
        OPENSSL_cleanse(next.data(), next.size());
        derive(++period_ % kKept);  // overwrites the oldest
    }
}

const TicketKeys::Key& TicketKeys::current(TimePoint now) {
    advance(now);
    return keys_[period_ % kKept];
}

const TicketKeys::Key* TicketKeys::find(Name name, TimePoint now) {
    advance(now);
    for (std::size_t age = 0; age < std::min<std::uint64_t>(kKept, period_ + 1); ++age) {
        const Key& key = keys_[(period_ - age) % kKept];
        if (std::ranges::equal(key.name, name)) {
            return &key;
        }
    }
    return nullptr;
}

bool TicketKeys::prepare(const Key& key, evp_cipher_ctx_st* cipher, evp_mac_ctx_st* mac,
                         const unsigned char* iv, bool sealing) const {
    std::array<char, 7> digest{"SHA256"};
    std::array<unsigned char, 32> mac_key = key.mac;
    const std::array<OSSL_PARAM, 3> params{
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, mac_key.data(), mac_key.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
        OSSL_PARAM_construct_end()};
    const bool ready =
        EVP_CipherInit_ex2(cipher, cipher_, key.cipher.data(), iv, sealing ? 1 : 0, nullptr) == 1 &&
        EVP_MAC_CTX_set_params(mac, params.data()) == 1;
    OPENSSL_cleanse(mac_key.data(), mac_key.size());
    return ready;
}

}  // namespace tollgate::server
