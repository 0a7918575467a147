#include <algorithm>
#include <initializer_list>
#include <set>

#include "core/config/codec.hpp"
#include "core/config/consistent.hpp"

namespace mxw::config {
namespace {

using toml::Node;
using toml::Problems;

// The innermost of these that is there.
const Node& node_at(const Node& document, std::initializer_list<std::string_view> keys) {
  const Node* at = &document;
  for (const std::string_view key : keys) {
    const auto* const table = at->as<Node::Table>();
    const Node* const next = table == nullptr ? nullptr : find(*table, key);
    if (next == nullptr) break;
    at = next;
  }
  return *at;
}

// The i-th table of [[tlsrpt.source]].
const Node& source_at(const Node& document, std::size_t i) {
  const Node& list = node_at(document, {"tlsrpt", "source"});
  const auto* const array = list.as<Node::Array>();
  return array != nullptr && i < array->size() ? array->at(i) : list;
}

// An address is one source's: a session told twice would be counted twice.
void check_sources(const Node& document, const std::vector<ReportSource>& sources,
                   Problems& problems) {
  std::set<std::string> names, sockets;
  std::set<IpAddress> addresses;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const ReportSource& source = sources[i];
    const auto refuse = [&](const std::string& what) {
      problems.add(source_at(document, i), "[[tlsrpt.source]] " + what);
    };
    if (!names.insert(source.name).second) refuse(quoted(source.name) + " is there twice");
    if (!source.socket.empty() && !sockets.insert(source.socket).second)
      refuse(quoted(source.name) + ": another source has the socket " + quoted(source.socket));
    for (const IpAddress& address : source.addresses)
      if (!addresses.insert(address).second)
        refuse(quoted(source.name) + ": another source has the address " + address.text());
  }
}

void check_keys(const Node& document, const std::vector<ReportKeyFile>& keys, Problems& problems) {
  std::set<std::string> selectors;
  for (const ReportKeyFile& key : keys)
    if (!selectors.insert(key.selector).second)
      problems.add(node_at(document, {"tlsrpt", "send", "dkim"}),
                   quoted("dkim") + " has the selector " + quoted(key.selector) + " twice");
}

}  // namespace

void check_tlsrpt(const Node& document, const Tlsrpt& tlsrpt, Problems& problems) {
  check_sources(document, tlsrpt.sources, problems);
  check_keys(document, tlsrpt.send.dkim, problems);
  if (!tlsrpt.send.enabled) return;
  const auto refuse = [&](const char* missing) {
    problems.add(node_at(document, {"tlsrpt", "send", "enabled"}),
                 "[tlsrpt.send] is \"enabled\" without " + std::string(missing));
  };
  if (tlsrpt.organisation.empty()) refuse("\"organisation\" in [tlsrpt]");
  if (tlsrpt.contact.empty()) refuse("\"contact\" in [tlsrpt]");
  if (tlsrpt.send.signing == ReportSigning::own && tlsrpt.send.dkim.empty())
    refuse("a key in \"dkim\" (or \"signing\" = \"mta\", when the MTA signs)");
}

}  // namespace mxw::config
