// A DNS server that says what the test tells it, over UDP and TCP on one port of 127.0.0.1, in the
// event loop of the test; and the octets of its answers.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/event_loop.hpp"
#include "core/base/ip.hpp"
#include "core/dns/message.hpp"

namespace mxw::test {

using Octets = std::vector<std::uint8_t>;

constexpr unsigned kResponse = 0x8180;  // QR RD RA
constexpr unsigned kAd = 0x0020, kTc = 0x0200;
constexpr unsigned kServFail = 2, kNxDomain = 3, kRefusedCode = 5, kFormErrCode = 1;

class Reply {
 public:
  // Repeats id and question of the query.
  explicit Reply(const Octets& query, unsigned flags = kResponse) {
    std::size_t end = 12;
    while (query.at(end) != 0) end += query[end] + std::size_t{1};
    octets_.assign(query.begin(), query.begin() + static_cast<std::ptrdiff_t>(end + 5));
    put(2, flags);
    put(4, 1);
    for (const std::size_t count : {6U, 8U, 10U}) put(count, 0);
  }
  Reply& answer(std::string_view name, dns::Type type, const Octets& data,
                std::uint32_t ttl = 300) {
    return record(6, name, type, data, ttl);
  }
  Reply& authority(std::string_view name, dns::Type type, const Octets& data,
                   std::uint32_t ttl = 300) {
    return record(8, name, type, data, ttl);
  }
  Reply& soa(std::uint32_t ttl, std::uint32_t minimum) {
    Octets data = name("ns.example.test");
    append(data, name("hostmaster.example.test"));
    for (const std::uint32_t number : {1U, 7'200U, 3'600U, 86'400U, minimum}) put32(data, number);
    return authority("example.test", dns::Type::soa, data, ttl);
  }
  [[nodiscard]] Octets octets() const { return octets_; }
  Reply& put(std::size_t at, unsigned value) {
    octets_[at] = static_cast<std::uint8_t>(value >> 8 & 0xff);
    octets_[at + 1] = static_cast<std::uint8_t>(value & 0xff);
    return *this;
  }

  static Octets name(std::string_view text) {
    Octets out;
    while (!text.empty()) {
      const std::string_view label = text.substr(0, text.find('.'));
      out.push_back(static_cast<std::uint8_t>(label.size()));
      append(out, Octets(label.begin(), label.end()));
      text.remove_prefix(std::min(text.size(), label.size() + 1));
    }
    out.push_back(0);
    return out;
  }
  static Octets txt(std::string_view text) {
    Octets out{static_cast<std::uint8_t>(text.size())};
    append(out, Octets(text.begin(), text.end()));
    return out;
  }
  static Octets mx(unsigned preference, std::string_view host) {
    Octets out{static_cast<std::uint8_t>(preference >> 8),
               static_cast<std::uint8_t>(preference & 0xff)};
    append(out, name(host));
    return out;
  }
  static void append(Octets& to, const Octets& more) {
    to.insert(to.end(), more.begin(), more.end());
  }
  static void put32(Octets& to, std::uint32_t value) {
    for (const int shift : {24, 16, 8, 0}) to.push_back(static_cast<std::uint8_t>(value >> shift));
  }

 private:
  Reply& record(std::size_t counter, std::string_view owner, dns::Type type, const Octets& data,
                std::uint32_t ttl) {
    append(octets_, name(owner));
    const auto number = static_cast<std::uint16_t>(type);
    append(octets_, {static_cast<std::uint8_t>(number >> 8),
                     static_cast<std::uint8_t>(number & 0xff), 0, 1});
    put32(octets_, ttl);
    octets_.push_back(static_cast<std::uint8_t>(data.size() >> 8));
    octets_.push_back(static_cast<std::uint8_t>(data.size() & 0xff));
    append(octets_, data);
    ++octets_[counter + 1];
    return *this;
  }

  Octets octets_;
};

// One question as it came.
struct Asked {
  Octets octets;
  dns::Message message;
  bool tcp = false;
};

class DnsServer {
 public:
  // The datagrams (or the octets behind the length, over TCP) to send back, in that order.
  using Script = std::function<std::vector<Octets>(const Asked&)>;

  DnsServer(EventLoop& loop, Script script) : loop_(loop), script_(std::move(script)) {
    // The port must be free for both; another try finds one.
    for (int tries = 0; tries < 20 && !open(); ++tries) close_all();
    EXPECT_GE(tcp_, 0);
    if (tcp_ < 0) return;
    EXPECT_TRUE(loop_.add(udp_, EPOLLIN, [this](std::uint32_t) { on_datagram(); }));
    EXPECT_TRUE(loop_.add(tcp_, EPOLLIN, [this](std::uint32_t) { on_connection(); }));
  }
  ~DnsServer() { close_all(); }
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  [[nodiscard]] Endpoint endpoint() const {
    return {IpAddress::parse("127.0.0.1").value(), ntohs(address_.sin_port)};
  }
  [[nodiscard]] const std::vector<Asked>& asked() const { return asked_; }

  bool close_tcp = false;                  // hang up instead of answering over TCP
  std::vector<Octets> from_other_address;  // sent from another socket before the answer

 private:
  bool open() {
    udp_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    tcp_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    address_ = {};
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    auto* const plain = reinterpret_cast<sockaddr*>(&address_);
    return ::bind(udp_, plain, size) == 0 && ::getsockname(udp_, plain, &size) == 0 &&
           ::bind(tcp_, plain, size) == 0 && ::listen(tcp_, 16) == 0;
  }

  void close_all() {
    for (const auto& [fd, buffer] : connections_) close_one(fd);
    connections_.clear();
    for (int* fd : {&udp_, &tcp_}) {
      close_one(*fd);
      *fd = -1;
    }
  }
  void close_one(int fd) {
    if (fd < 0) return;
    loop_.remove(fd);
    ::close(fd);
  }

  const Asked& note(Octets octets, bool tcp) {
    const std::optional<dns::Message> message = dns::parse(octets);
    EXPECT_TRUE(message);
    asked_.push_back({std::move(octets), message.value_or(dns::Message{}), tcp});
    return asked_.back();
  }

  void on_datagram() {
    Octets buffer(4'096);
    sockaddr_in from{};
    socklen_t size = sizeof from;
    auto* const plain = reinterpret_cast<sockaddr*>(&from);
    const ssize_t got = ::recvfrom(udp_, buffer.data(), buffer.size(), 0, plain, &size);
    if (got < 0) return;
    buffer.resize(static_cast<std::size_t>(got));
    const std::vector<Octets> replies = script_(note(std::move(buffer), false));
    const int other = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    for (Octets& forged : from_other_address) {
      std::copy_n(asked_.back().octets.begin(), 2, forged.begin());  // it even knows the id
      ::sendto(other, forged.data(), forged.size(), 0, plain, size);
    }
    ::close(other);
    for (const Octets& reply : replies) {
      ::sendto(udp_, reply.data(), reply.size(), 0, plain, size);
    }
  }

  void on_connection() {
    const int fd = ::accept4(tcp_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    connections_[fd];
    EXPECT_TRUE(loop_.add(fd, EPOLLIN, [this, fd](std::uint32_t) { on_stream(fd); }));
  }

  void on_stream(int fd) {
    Octets& buffer = connections_[fd];
    Octets more(4'096);
    const ssize_t got = ::read(fd, more.data(), more.size());
    if (got > 0) buffer.insert(buffer.end(), more.begin(), more.begin() + got);
    const std::size_t length =
        buffer.size() < 2 ? SIZE_MAX : (buffer[0] << 8U | buffer[1]) + std::size_t{2};
    if (got > 0 && buffer.size() < length) return;
    if (got > 0) {
      for (const Octets& reply : script_(note({buffer.begin() + 2, buffer.end()}, true))) {
        if (!close_tcp) send_framed(fd, reply);
      }
      buffer.clear();
    }
    if (got <= 0 || close_tcp) {
      connections_.erase(fd);
      close_one(fd);
    }
  }

  static void send_framed(int fd, const Octets& reply) {
    Octets framed{static_cast<std::uint8_t>(reply.size() >> 8),
                  static_cast<std::uint8_t>(reply.size() & 0xff)};
    Reply::append(framed, reply);
    EXPECT_EQ(::write(fd, framed.data(), framed.size()), static_cast<ssize_t>(framed.size()));
  }

  EventLoop& loop_;
  Script script_;
  int udp_ = -1, tcp_ = -1;
  sockaddr_in address_{};
  std::map<int, Octets> connections_;
  std::vector<Asked> asked_;
};

}  // namespace mxw::test
