#include "milter/lists.hpp"

#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/mail/name.hpp"

namespace mxw::milter {
namespace {

// Takes `!` off; blanks around it do not count.
bool take_negation(std::string_view& text) {
  text = ascii::trim(text);
  if (!text.starts_with('!')) return false;
  text = ascii::trim(text.substr(1));
  return true;
}

}  // namespace

std::optional<DomainList::Entry> DomainList::parse_entry(std::string_view text) {
  Entry entry;
  entry.negated = take_negation(text);
  if (text == "*") {
    entry.kind = Kind::every;
    return entry;
  }
  const bool below = text.starts_with('.');
  const auto name = mail::DnsName::parse(below ? text.substr(1) : text);
  if (!name) return std::nullopt;
  entry.kind = below ? Kind::below : Kind::exact;
  entry.name = below ? "." + name->text() : name->text();
  return entry;
}

bool DomainList::fits(const Entry& entry, std::string_view domain) {
  switch (entry.kind) {
    case Kind::every:
      return true;
    case Kind::exact:
      return domain == entry.name;
    case Kind::below:
      break;
  }
  return domain.size() > entry.name.size() && domain.ends_with(entry.name);
}

Result<DomainList> DomainList::parse(std::span<const std::string> entries) {
  DomainList list;
  for (const std::string& text : entries) {
    const auto entry = parse_entry(text);
    if (!entry) return fail(ErrorKind::usage, "\"" + text + "\" is no domain");
    list.entries_.push_back(*entry);
  }
  return list;
}

bool DomainList::contains(std::string_view domain) const {
  if (domain.empty()) return false;
  const auto found =
      std::ranges::find_if(entries_, [&](const Entry& entry) { return fits(entry, domain); });
  return found != entries_.end() && !found->negated;
}

Result<ClientList> ClientList::parse(std::span<const std::string> entries) {
  ClientList list;
  for (const std::string& text : entries) {
    std::string_view rest = text;
    Entry entry;
    entry.negated = take_negation(rest);
    entry.network = Cidr::parse(rest);
    if (!entry.network) {
      const auto host = DomainList::parse_entry(rest);
      if (!host || host->negated || host->kind == DomainList::Kind::every)
        return fail(ErrorKind::usage, "\"" + text + "\" is neither host, .domain nor network");
      entry.host = *host;
    }
    list.entries_.push_back(std::move(entry));
  }
  return list;
}

bool ClientList::contains(std::string_view host, const std::optional<IpAddress>& client) const {
  const auto name = host.empty() ? std::nullopt : mail::DnsName::parse(host);
  const auto fits = [&](const Entry& entry) {
    if (entry.network) return client.has_value() && entry.network->contains(*client);
    return name.has_value() && DomainList::fits(entry.host, name->text());
  };
  const auto found = std::ranges::find_if(entries_, fits);
  return found != entries_.end() && !found->negated;
}

IpAddress unmapped(const IpAddress& address) {
  static constexpr std::uint8_t kPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (address.family != 6 || !std::ranges::equal(address.bytes().first(sizeof kPrefix), kPrefix))
    return address;
  return IpAddress::from_v4(address.bytes().subspan(sizeof kPrefix));
}

bool is_loopback(const IpAddress& address) {
  const IpAddress plain = unmapped(address);
  if (plain.v4()) return plain.octets[0] == 127;  // RFC 1122 section 3.2.1.3
  IpAddress one;
  one.family = 6;
  one.octets[15] = 1;
  return plain == one;
}

bool contains(std::span<const Cidr> networks, const std::optional<IpAddress>& client) {
  return client && std::ranges::any_of(
                       networks, [&](const Cidr& network) { return network.contains(*client); });
}

}  // namespace mxw::milter
