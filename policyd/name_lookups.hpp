// NameLookups: what DNS says about one name, for those who open no DNS socket (semantics 6,
// core/feed/lookup.hpp). Answers are kept for their TTL, within kNameLeast and kNameMost; the same
// question, while open, is asked once for all. A `_smtp._tls` that was answered is stored by the
// engine, with history.
//
// Bounded: kOpenNames questions, kKeptNames answers of together kKeptOctets; those that end first
// go first. Belongs to the loop's thread; clock, DNS and engine outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/feed/lookup.hpp"
#include "policyd/clock.hpp"
#include "policyd/engine.hpp"
#include "policyd/lookups.hpp"

namespace mxw::policyd {

inline constexpr std::int64_t kNameLeast = 60 * kSecond;  // also for what failed, as kDnsHold
inline constexpr std::int64_t kNameMost = 1 * kHour;      // also kTlsrptEvery: a day has one report
inline constexpr std::size_t kOpenNames = 1'024;          // one peer's questions
inline constexpr std::size_t kKeptNames = 20'000;         // reports and their hosts of a day, twice
inline constexpr std::size_t kKeptOctets = 16 << 20;      // of records; 800 each

// Pure: what an answer of DNS means. Not with LookupKind::address.
[[nodiscard]] feed::LookupAnswer read_lookup(feed::LookupKind kind, const resolve::Answer& answer);
[[nodiscard]] feed::LookupAnswer read_addresses(const resolve::Answer& a,
                                                const resolve::Answer& aaaa);

struct NameCounters {
  std::uint64_t asked = 0, kept = 0, merged = 0;  // kept: answered without a lookup
  std::uint64_t refused = 0;                      // no such name, or over kOpenNames
};

class NameLookups {
 public:
  using Done = std::function<void(const feed::LookupAnswer&)>;  // its `id` is 0

  NameLookups(Clock& clock, Dns& dns, Engine& engine) : clock_(clock), dns_(dns), engine_(engine) {}
  NameLookups(const NameLookups&) = delete;
  NameLookups& operator=(const NameLookups&) = delete;

  // One answer: at once, from within the call, when it is kept or nobody looks; else in the loop.
  // None comes after this is gone.
  void lookup(feed::LookupKind kind, std::string_view name, Done done);

  [[nodiscard]] const NameCounters& counters() const { return counters_; }
  [[nodiscard]] std::size_t kept() const { return kept_.size(); }
  [[nodiscard]] std::size_t open() const { return open_.size(); }

 private:
  using Key = std::pair<feed::LookupKind, std::string>;
  struct Kept {
    feed::LookupAnswer answer;
    std::int64_t until;  // by CLOCK_BOOTTIME
  };

  void ask(const Key& key);
  void on_answer(const Key& key, feed::LookupAnswer answer);
  void keep(const Key& key, feed::LookupAnswer& answer);
  void forget(std::map<Key, Kept>::iterator at);

  Clock& clock_;
  Dns& dns_;
  Engine& engine_;
  NameCounters counters_;
  std::map<Key, std::vector<Done>> open_;
  std::map<Key, Kept> kept_;
  std::set<std::pair<std::int64_t, Key>> ends_;  // of kept_
  std::size_t octets_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace mxw::policyd
