// DNS messages on the wire (RFC 1035), read-only and bounded: names are at most 255 octets, a name
// follows at most limits::kDnsCompressionJumps pointers and each must point backwards, at most
// limits::kDnsRecords questions and records together are kept (RFC 9267 tells why). A message is
// data: reading stops at what is malformed, with a Defect and what was read before it. Octets
// behind the last record are ignored. Pure functions, thread-safe, no memory is borrowed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/ip.hpp"

namespace mxw::dns {

enum class Type : std::uint16_t {
  a = 1,
  ns = 2,
  cname = 5,
  soa = 6,
  mx = 15,
  txt = 16,
  aaaa = 28,
  opt = 41,
  rrsig = 46,
  tlsa = 52,
};

struct Question {
  // Presentation form, lower case, no final dot; "." for the root. Inside a label `\.` and `\\`,
  // and `\DDD` for what is not printable ASCII: at most 1,003 characters.
  std::string name;
  std::uint16_t type = 0, klass = 0;
};

struct Mx {
  std::uint16_t preference = 0;
  std::string exchange;  // "." = null MX (RFC 7505)
  friend auto operator<=>(const Mx&, const Mx&) = default;
};
struct Txt {
  std::vector<std::string> strings;
  [[nodiscard]] std::string joined() const;  // RFC 8461 section 3.1: concatenated without a blank
  friend auto operator<=>(const Txt&, const Txt&) = default;
};
struct Tlsa {
  std::uint8_t usage = 0, selector = 0, matching = 0;
  std::vector<std::uint8_t> data;
  friend auto operator<=>(const Tlsa&, const Tlsa&) = default;
};
struct Alias {  // CNAME or NS
  std::string target;
  friend auto operator<=>(const Alias&, const Alias&) = default;
};

struct Record {
  std::string name;
  std::uint16_t type = 0, klass = 0;
  std::uint32_t ttl = 0;
  // Read for class IN and these types only, else monostate. NS and CNAME are an Alias.
  std::variant<std::monostate, IpAddress, Alias, Mx, Txt, Tlsa> data;
};

enum class Defect : std::uint8_t { none, truncated, bad_name, bad_record, too_many_records };

struct Message {
  std::uint16_t id = 0;
  bool response = false, aa = false, tc = false, rd = false, ra = false, ad = false, cd = false;
  std::uint8_t opcode = 0;
  std::uint16_t rcode = 0;  // with the EDNS0 extension bits
  std::vector<Question> questions;
  std::vector<Record> answers, authority, additional;
  Defect defect = Defect::none;
};

// nullopt only when not even the twelve octets of the header are there.
[[nodiscard]] std::optional<Message> parse(Bytes wire);

[[nodiscard]] std::string type_name(std::uint16_t type);    // "MX", else "TYPE123" (RFC 3597)
[[nodiscard]] std::string rcode_name(std::uint16_t rcode);  // "NOERROR", "NXDOMAIN", ...

// The rdata as EVE and people read it: `10 mx.example.org`, `3 1 1 hex`, the joined TXT (raw
// octets), an address; empty when the data was not read.
[[nodiscard]] std::string rdata_text(const Record& record);

}  // namespace mxw::dns
