// Baselines: what was normal before (semantics 3). An interface, so that the
// persistent store of the live sensor can stand behind it; here the one that lasts for a run.
//
// Keys: server; (server, egress address); client; (EHLO domain, /24 or /48). Only clean sessions
// train (none with a finding of medium or above). One thread: the judge.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>

#include "core/base/siphash.hpp"
#include "core/base/time.hpp"

namespace mxw::judge {

// Levels that make a baseline usable (semantics 3): so many observations
// of the thing itself, not only so many sessions.
inline constexpr std::uint64_t kMatureSessions = 20;

// Counts of one key. Rates are of what could be judged, semantics 3.
struct BaselineRow {
  std::uint64_t sessions = 0;
  Time first, last;
  std::uint64_t complete_replies = 0, starttls_offered = 0;
  std::uint64_t first_greetings = 0, esmtp = 0;
  std::uint64_t tls_eligible = 0, tls = 0;          // with mail or TLS, where STARTTLS was offered
  std::uint64_t chains = 0, trusted = 0;            // certificates in clear
  std::set<std::string> spkis, issuers;             // bounded
  std::map<std::uint16_t, std::uint64_t> versions;  // of TLS, as selected
  std::uint64_t versions_seen = 0;

  [[nodiscard]] static double rate(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
  }
};

// What one clean session adds.
struct Observation {
  Time at;
  bool complete_reply = false, starttls_offered = false;
  bool greeted = false, esmtp = false;
  bool tls_eligible = false, tls = false;
  bool chain_seen = false, trusted = false;
  std::string spki, issuer;
  std::uint16_t version = 0;
};

class BaselineStore {
 public:
  virtual ~BaselineStore() = default;
  // nullptr: nothing known. Valid until the next train().
  [[nodiscard]] virtual const BaselineRow* find(const std::string& key) const = 0;
  virtual void train(const std::string& key, const Observation& observation) = 0;
  // Keys of servers seen, and those with at least `sessions`.
  struct Maturity {
    std::uint64_t servers = 0, mature = 0;
  };
  [[nodiscard]] virtual Maturity maturity(std::uint64_t sessions) const = 0;
};

// Keys are text with a first letter for their kind.
[[nodiscard]] std::string server_key(std::uint32_t tenant, const std::string& server);
[[nodiscard]] std::string path_key(std::uint32_t tenant, const std::string& server,
                                   const std::string& egress);
[[nodiscard]] std::string client_key(std::uint32_t tenant, const std::string& client);
[[nodiscard]] std::string pool_key(std::uint32_t tenant, const std::string& ehlo_domain,
                                   const std::string& prefix);

// In memory, least recently trained key first out (limits::kBaselineKeys).
class RunBaseline final : public BaselineStore {
 public:
  explicit RunBaseline(HashKey hash_key) : rows_(0, Hash{hash_key}) {}
  [[nodiscard]] const BaselineRow* find(const std::string& key) const override;
  void train(const std::string& key, const Observation& observation) override;
  [[nodiscard]] Maturity maturity(std::uint64_t sessions) const override;

 private:
  struct Hash {
    HashKey key;
    std::size_t operator()(const std::string& text) const;
  };
  struct Entry {
    BaselineRow row;
    std::list<std::string>::iterator place;
  };
  std::unordered_map<std::string, Entry, Hash> rows_;
  std::list<std::string> order_;
};

}  // namespace mxw::judge
