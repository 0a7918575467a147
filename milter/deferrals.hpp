// Deferrals: when a mail was first deferred, so that it is not held for longer than
// `defer.max_age` (semantics 12). A mail is known by HMAC-SHA256 over client prefix (/24, /48),
// sender and recipient under a key file of this host: no address is kept. Memory comes first, the
// store brings it back after a start. Any thread; a lock is held for the call only.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/ip.hpp"
#include "core/base/result.hpp"
#include "core/store/milter_store.hpp"

namespace mxw::milter {

class Deferrals {
 public:
  using Key = std::array<std::uint8_t, 32>;
  static constexpr std::size_t kBound = 100'000;   // semantics 12
  static constexpr std::int64_t kKept = 5 * kDay;  // since the last, as store::MilterBounds

  explicit Deferrals(std::size_t bound = kBound) : bound_(bound) {}

  // Until then, and when the key or the rows could not be read, nothing may be deferred. Rows: the
  // most recent first, as the store gives them. REQUIRES: the key is not empty.
  void start(std::vector<std::uint8_t> key, std::span<const store::DeferralRow> rows);
  [[nodiscard]] bool usable() const;

  // Whether what is noted is stored. While it is not, there is room for known ones only: a mail
  // whose first deferral a restart forgets would be held for longer. Called under the lock.
  void ask_stored(std::function<bool()> stored);

  // The client's /24 or /48.
  [[nodiscard]] static IpAddress prefix(const IpAddress& client);

  // REQUIRES: usable(). Domains of the addresses in lower case; no client: local.
  [[nodiscard]] Key key(const std::optional<IpAddress>& client, std::string_view sender,
                        std::string_view recipient) const;

  struct Known {
    std::optional<Time> first;  // deferred before
    bool room = false;          // note() would keep it
  };
  [[nodiscard]] Known known(const Key& key, Time now) const;

  // It is deferred now. The row to store; nullopt when the table is full of others that are not
  // older than kKept, or nothing is stored: then the mail must be let through.
  [[nodiscard]] std::optional<store::DeferralRow> note(const Key& key, Time now);

  [[nodiscard]] std::size_t size() const;

 private:
  struct KeyHash {  // the key is an HMAC: any octets of it are
    std::size_t operator()(const Key& key) const;
  };
  struct Entry {
    Key key;
    Time first, last;
    std::uint64_t count = 0;
  };
  using Entries = std::list<Entry>;
  [[nodiscard]] bool has_room(Time now) const;

  const std::size_t bound_;
  mutable std::mutex mutex_;
  std::vector<std::uint8_t> secret_;  // empty: not started; then never changes
  Entries entries_;                   // oldest `last` first
  std::unordered_map<Key, Entries::iterator, KeyHash> index_;
  std::function<bool()> stored_;  // empty: yes
};

}  // namespace mxw::milter
