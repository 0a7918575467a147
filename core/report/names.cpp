#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/base/bytes.hpp"
#include "core/base/digest.hpp"
#include "core/report/report.hpp"

namespace mxw::report {
namespace {

constexpr std::size_t kMarkOctets = 4;  // eight digits

std::string date_of(const Identity& identity) {
  std::string date = format_date(begin_of(identity));
  std::erase(date, '-');
  return date;
}

std::string mark_of(const Identity& identity) {
  const std::string text =
      identity.organization + '\n' + identity.domain + '\n' + date_of(identity);
  const Sha256 digest = sha256(as_bytes(text));
  return hex(Bytes(digest).first(kMarkOctets));
}

}  // namespace

std::string domain_of(std::string_view address) {
  const std::size_t at = address.rfind('@');
  return at == std::string_view::npos ? "" : ascii::to_lower(address.substr(at + 1));
}

Time begin_of(const Identity& identity) {
  return Time{identity.day * kDay};
}

Time end_of(const Identity& identity) {
  return begin_of(identity) + (kDay - kSecond);
}

std::string report_id(const Identity& identity) {
  return date_of(identity) + '.' + identity.domain + '.' + mark_of(identity) + '@' +
         identity.contact_domain;
}

std::string file_name(const Identity& identity) {
  const auto seconds = [](Time time) { return std::to_string(time.ns / kSecond); };
  return identity.contact_domain + '!' + identity.domain + '!' + seconds(begin_of(identity)) + '!' +
         seconds(end_of(identity)) + '!' + mark_of(identity) + ".json.gz";
}

}  // namespace mxw::report
