#include "sensor/judge/baseline.hpp"

#include "core/base/bytes.hpp"
#include "core/base/limits.hpp"

namespace mxw::judge {
namespace {

// Keys and issuers of one server that are remembered: pools and renewals need tens, not thousands.
constexpr std::size_t kKeysOfServer = 64;

void remember(std::set<std::string>& set, const std::string& text) {
  if (!text.empty() && set.size() < kKeysOfServer) set.insert(text);
}

std::string key(char kind, std::uint32_t tenant, const std::string& a, const std::string& b = {}) {
  return kind + std::to_string(tenant) + '|' + a + '|' + b;
}

}  // namespace

std::string server_key(std::uint32_t tenant, const std::string& server) {
  return key('s', tenant, server);
}
std::string path_key(std::uint32_t tenant, const std::string& server, const std::string& egress) {
  return key('p', tenant, server, egress);
}
std::string client_key(std::uint32_t tenant, const std::string& client) {
  return key('c', tenant, client);
}
std::string pool_key(std::uint32_t tenant, const std::string& ehlo_domain,
                     const std::string& prefix) {
  return key('e', tenant, ehlo_domain, prefix);
}

std::size_t RunBaseline::Hash::operator()(const std::string& text) const {
  return siphash(key, as_bytes(text));
}

const BaselineRow* RunBaseline::find(const std::string& key) const {
  const auto found = rows_.find(key);
  return found != rows_.end() ? &found->second.row : nullptr;
}

void RunBaseline::train(const std::string& key, const Observation& o) {
  auto [place, fresh] = rows_.try_emplace(key);
  Entry& entry = place->second;
  if (fresh) {
    entry.place = order_.insert(order_.end(), key);
    entry.row.first = o.at;
    if (rows_.size() > limits::kBaselineKeys) {
      rows_.erase(order_.front());
      order_.pop_front();
    }
  } else {
    order_.splice(order_.end(), order_, entry.place);
  }
  BaselineRow& row = entry.row;
  ++row.sessions;
  row.last = o.at;
  row.complete_replies += o.complete_reply ? 1 : 0;
  row.starttls_offered += o.complete_reply && o.starttls_offered ? 1 : 0;
  row.first_greetings += o.greeted ? 1 : 0;
  row.esmtp += o.greeted && o.esmtp ? 1 : 0;
  row.tls_eligible += o.tls_eligible ? 1 : 0;
  row.tls += o.tls_eligible && o.tls ? 1 : 0;
  row.chains += o.chain_seen ? 1 : 0;
  row.trusted += o.chain_seen && o.trusted ? 1 : 0;
  remember(row.spkis, o.spki);
  remember(row.issuers, o.issuer);
  if (o.version != 0 && row.versions.size() < kKeysOfServer) {
    ++row.versions[o.version];
    ++row.versions_seen;
  }
}

BaselineStore::Maturity RunBaseline::maturity(std::uint64_t sessions) const {
  Maturity m;
  for (const auto& [key, entry] : rows_) {
    if (key.front() != 's') continue;
    ++m.servers;
    if (entry.row.sessions >= sessions) ++m.mature;
  }
  return m;
}

}  // namespace mxw::judge
