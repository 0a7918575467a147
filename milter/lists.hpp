// The lists an operator writes: of clients (exempt), of recipient domains (defer, override). Made
// once from the settings, then read by any thread. In both the first entry that fits decides; with
// `!` before it it says no; nothing fits: no.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ip.hpp"
#include "core/base/result.hpp"

namespace mxw::milter {

// `example.org` itself, `.example.org` what is below it, `*` everything; each with `!`. U-labels
// are converted.
class DomainList {
 public:
  [[nodiscard]] static Result<DomainList> parse(std::span<const std::string> entries);
  // `domain`: lower-case A-label.
  [[nodiscard]] bool contains(std::string_view domain) const;
  [[nodiscard]] bool empty() const { return entries_.empty(); }

 private:
  enum class Kind : std::uint8_t { exact, below, every };
  struct Entry {
    Kind kind = Kind::exact;
    bool negated = false;
    std::string name;  // of `below` with the leading dot
  };
  friend class ClientList;
  [[nodiscard]] static std::optional<Entry> parse_entry(std::string_view text);
  [[nodiscard]] static bool fits(const Entry& entry, std::string_view domain);

  std::vector<Entry> entries_;
};

// `mail.example.org`, `.example.org` as above by the client's name; `192.0.2.0/24`,
// `2001:db8::1` by its address; each with `!`.
class ClientList {
 public:
  [[nodiscard]] static Result<ClientList> parse(std::span<const std::string> entries);
  // `host`: a name the MTA has confirmed by the address, else empty: whoever owns the reverse zone
  // of an address can claim any name.
  [[nodiscard]] bool contains(std::string_view host, const std::optional<IpAddress>& client) const;
  [[nodiscard]] bool empty() const { return entries_.empty(); }

 private:
  struct Entry {
    std::optional<Cidr> network;
    DomainList::Entry host;  // without `network`
    bool negated = false;
  };
  std::vector<Entry> entries_;
};

// An IPv4 address written as IPv6 (`::ffff:192.0.2.1`, RFC 4291 section 2.5.5.2), as MTAs with one
// IPv6 socket tell it, as the IPv4 address that is on the wire.
[[nodiscard]] IpAddress unmapped(const IpAddress& address);
[[nodiscard]] bool is_loopback(const IpAddress& address);  // 127.0.0.0/8, ::1
[[nodiscard]] bool contains(std::span<const Cidr> networks, const std::optional<IpAddress>& client);

}  // namespace mxw::milter
