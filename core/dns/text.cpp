// DNS numbers and rdata as people and EVE read them.
#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "core/base/digest.hpp"
#include "core/dns/message.hpp"

namespace mxw::dns {
namespace {

using Named = std::pair<std::uint16_t, std::string_view>;

// The types seen around mail (IANA "Resource Record (RR) TYPEs").
constexpr auto kTypes = std::to_array<Named>(
    {{1, "A"},       {2, "NS"},          {5, "CNAME"},   {6, "SOA"},    {12, "PTR"},
     {13, "HINFO"},  {15, "MX"},         {16, "TXT"},    {28, "AAAA"},  {33, "SRV"},
     {35, "NAPTR"},  {39, "DNAME"},      {41, "OPT"},    {43, "DS"},    {44, "SSHFP"},
     {46, "RRSIG"},  {47, "NSEC"},       {48, "DNSKEY"}, {50, "NSEC3"}, {52, "TLSA"},
     {53, "SMIMEA"}, {61, "OPENPGPKEY"}, {64, "SVCB"},   {65, "HTTPS"}, {99, "SPF"},
     {252, "AXFR"},  {255, "ANY"},       {257, "CAA"}});

// IANA "DNS RCODEs". 16 is BADVERS in a message; BADSIG stands only inside TSIG.
constexpr auto kRcodes = std::to_array<Named>({{0, "NOERROR"},
                                               {1, "FORMERR"},
                                               {2, "SERVFAIL"},
                                               {3, "NXDOMAIN"},
                                               {4, "NOTIMP"},
                                               {5, "REFUSED"},
                                               {6, "YXDOMAIN"},
                                               {7, "YXRRSET"},
                                               {8, "NXRRSET"},
                                               {9, "NOTAUTH"},
                                               {10, "NOTZONE"},
                                               {16, "BADVERS"},
                                               {17, "BADKEY"},
                                               {18, "BADTIME"},
                                               {19, "BADMODE"},
                                               {20, "BADNAME"},
                                               {21, "BADALG"},
                                               {22, "BADTRUNC"},
                                               {23, "BADCOOKIE"}});

std::string name_of(std::span<const Named> names, std::uint16_t number, std::string_view prefix) {
  const auto found = std::find_if(names.begin(), names.end(),
                                  [number](const Named& n) { return n.first == number; });
  if (found != names.end()) return std::string(found->second);
  return std::string(prefix) + std::to_string(number);
}

struct RdataText {
  std::string operator()(std::monostate) const { return {}; }
  std::string operator()(const IpAddress& address) const { return address.text(); }
  std::string operator()(const Alias& alias) const { return alias.target; }
  std::string operator()(const Mx& mx) const {
    return std::to_string(mx.preference) + ' ' + mx.exchange;
  }
  std::string operator()(const Txt& txt) const { return txt.joined(); }
  std::string operator()(const Tlsa& tlsa) const {
    return std::to_string(tlsa.usage) + ' ' + std::to_string(tlsa.selector) + ' ' +
           std::to_string(tlsa.matching) + ' ' + hex(tlsa.data);
  }
};

}  // namespace

std::string Txt::joined() const {
  std::string all;
  for (const std::string& string : strings) all += string;
  return all;
}

std::string type_name(std::uint16_t type) {
  return name_of(kTypes, type, "TYPE");
}
std::string rcode_name(std::uint16_t rcode) {
  return name_of(kRcodes, rcode, "RCODE");
}

std::string rdata_text(const Record& record) {
  return std::visit(RdataText{}, record.data);
}

}  // namespace mxw::dns
