#include "server/upstream/resolve.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <netinet/in.h>

namespace tollgate::server::upstream {

using Tcp = boost::asio::ip::tcp;

struct Resolver::Entry {
    std::vector<Address> addresses;  // port 0
    std::string error;
    Clock::time_point good_until{};
    Clock::time_point stale_until{};
    bool running = false;
    WaitList waiting;
};

struct Resolver::Lookup {
    explicit Lookup(Reactor& reactor) : resolver(reactor.context()) {}
    Tcp::resolver resolver;
};

namespace {

void set_port(Address& address, std::uint16_t port) noexcept {
    if (address.family() == AF_INET6) {
        reinterpret_cast<sockaddr_in6&>(address.storage).sin6_port = htons(port);
    } else {
        reinterpret_cast<sockaddr_in&>(address.storage).sin_port = htons(port);
    }
}

// RFC 8305 section 4: alternate the families, beginning with that of the first address.
std::vector<Address> interleaved(const std::vector<Address>& in) {
    std::vector<Address> first;
    std::vector<Address> second;
    for (const Address& address : in) {
        (address.family() == in.front().family() ? first : second).push_back(address);
    }
    std::vector<Address> out;
    for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
        if (i < first.size()) {
            out.push_back(first[i]);
        }
        if (i < second.size()) {
            out.push_back(second[i]);
        }
    }
    return out;
}

}  // namespace

std::string Address::text() const {
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    if (family() == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
        inet_ntop(AF_INET6, &v6.sin6_addr, buffer.data(), buffer.size());
        return "[" + std::string(buffer.data()) + "]:" + std::to_string(ntohs(v6.sin6_port));
    }
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    inet_ntop(AF_INET, &v4.sin_addr, buffer.data(), buffer.size());
    return std::string(buffer.data()) + ":" + std::to_string(ntohs(v4.sin_port));
}

bool parse_address(const std::string& host, std::uint16_t port, Address& out) noexcept {
    auto& v4 = reinterpret_cast<sockaddr_in&>(out.storage);
    auto& v6 = reinterpret_cast<sockaddr_in6&>(out.storage);
    if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        out.size = sizeof(sockaddr_in);
    } else if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
        v6.sin6_family = AF_INET6;
        out.size = sizeof(sockaddr_in6);
    } else {
        return false;
    }
    set_port(out, port);
    return true;
}

Resolver::Resolver(Reactor& reactor) : reactor_(reactor) {}
Resolver::~Resolver() = default;

void Resolver::start(const std::string& host, Entry& entry) {
    if (!lookup_) {
        lookup_ = std::make_unique<Lookup>(
            reactor_);  // brings Asio's resolver thread; many set-ups never need it
    }
    entry.running = true;
    lookup_->resolver.async_resolve(
        host, "",
        [&entry](const boost::system::error_code& ec, const Tcp::resolver::results_type& results) {
            entry.running = false;
            if (ec) {
                entry.error = ec.message();
            } else {
                std::vector<Address> found;
                for (const auto& result : results) {
                    Address address;
                    const auto endpoint = result.endpoint();
                    std::memcpy(&address.storage, endpoint.data(), endpoint.size());
                    address.size = static_cast<socklen_t>(endpoint.size());
                    found.push_back(address);
                }
                entry.addresses = interleaved(found);
                entry.error.clear();
                entry.good_until = Reactor::now() + kCacheTime;
                entry.stale_until = entry.good_until + kCacheTime;
            }
            entry.waiting.wake_all();
        });
}

Task<Result<std::vector<Address>>> Resolver::resolve(std::string host, std::uint16_t port,
                                                     Interrupt& interrupt) {
    Address literal;
    if (parse_address(host, port, literal)) {
        co_return std::vector<Address>(1, literal);
    }
    if (cache_.size() >= kMostNames && !cache_.contains(host)) {
        std::erase_if(cache_, [](const auto& item) {
            return !item.second->running && item.second->waiting.size() == 0;
        });
    }
    std::unique_ptr<Entry>& slot = cache_[host];
    if (!slot) {
        slot = std::make_unique<Entry>();
    }
    Entry& entry = *slot;
    if (entry.good_until <= Reactor::now()) {
        if (!entry.running) {
            start(host, entry);
        }
        while (entry.running) {
            const Wake wake = co_await entry.waiting.wait(interrupt);
            if (wake == Wake::interrupted) {
                co_return fail(FailureKind::connect_failed,
                               "interrupted while resolving '" + host + "'");
            }
        }
    }
    if (entry.addresses.empty() || entry.stale_until <= Reactor::now()) {
        co_return fail(FailureKind::connect_failed,
                       "cannot resolve '" + host + "': " + entry.error);
    }
    std::vector<Address> addresses = entry.addresses;
    for (Address& address : addresses) {
        set_port(address, port);
    }
    co_return addresses;
}

}  // namespace tollgate::server::upstream
