// RetryMemory: TLS that failed between a client and a server, remembered for the lifetime of a mail
// queue (attacks A09): the retry in clear may come at once (Exim, OpenSMTPD) or hours later
// (Postfix).
#pragma once

#include <list>
#include <optional>
#include <string>
#include <unordered_map>

#include "core/base/siphash.hpp"
#include "core/evidence/session.hpp"

namespace mxw::judge {

enum class Failure : std::uint8_t { refused, no_reply, reset, alert, not_tls, timeout };
[[nodiscard]] std::string_view name(Failure failure);

// How TLS failed in this session; nullopt when it did not, or was not tried.
[[nodiscard]] std::optional<Failure> failure_of(const evidence::SessionEvidence& session);

struct FailedTls {
  Failure how = Failure::no_reply;
  std::uint64_t session = 0;
  evidence::FrameRef at;  // its end
  Time started;
};

// Keys: (tenant, client, server) and (tenant, client, policy domain). Bounded by
// limits::kRetryKeys.
class RetryMemory {
 public:
  explicit RetryMemory(HashKey hash_key) : table_(0, Hash{hash_key}) {}

  void remember(const std::string& key, const FailedTls& failure);
  void forget(const std::string& key);  // TLS worked again
  // A failure of another session, not older than limits::kRetryMemory.
  [[nodiscard]] const FailedTls* find(const std::string& key, std::uint64_t not_session,
                                      Time now) const;

 private:
  struct Hash {
    HashKey key;
    std::size_t operator()(const std::string& text) const;
  };
  struct Entry {
    FailedTls failure;
    std::list<std::string>::iterator place;
  };
  std::unordered_map<std::string, Entry, Hash> table_;
  std::list<std::string> order_;
};

}  // namespace mxw::judge
