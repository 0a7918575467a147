// Tally: sessions counted in memory by (UTC day, source, domain, policy), until take() hands them
// over to be committed. Most seconds add to the same few thousand keys, so that the store writes a
// row once a second and not once a session.
//
// Domain of a key = policy-domain. A TLSA policy whose base domain is not the event's own domain
// counts twice: for the base domain, and for the recipient domain with the base domain as its
// mx-host (both have readers of their own: semantics 8). An event with a record that is not valid
// counts for its domain where the day has a valid one, else in one key of type store::kNoRecord
// without a domain; without a record told, `denied` of the options decides.
//
// Memory is bounded by Options::bytes between two take(): beyond it sessions of new keys go to one
// key of type store::kOverflow, details of new failures to their result type alone; both counted.
// Pure: no clock, no store. Order of adding and grouping into take() do not change the sums. One
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.hpp"
#include "core/store/report_rows.hpp"
#include "reportd/tally_event.hpp"

namespace mxw::reportd {

// What one take() hands over.
struct TallyBatch {
  struct Record {  // the last valid one of a domain and day in this batch
    store::Day day = 0;
    std::string domain, record;
    Time seen;
  };
  // Sessions of tallies[tally] in a minute of its day whose failures have no fetch or DNS type:
  // those policyd's failures are added to.
  struct Minute {
    std::uint32_t tally = 0;
    std::uint16_t minute = 0;
    std::uint32_t sessions = 0;
  };

  std::vector<store::TallyAdd> tallies;
  std::vector<store::FeedMark> marks;
  std::vector<Record> records;
  std::vector<Minute> minutes;
  // Tallies whose domain came with records, none of them valid: the writer asks the store.
  std::vector<std::uint32_t> unproven;

  [[nodiscard]] bool empty() const { return tallies.empty() && marks.empty() && records.empty(); }
};

class Tally {
 public:
  struct Options {
    std::uint32_t tenant = 0;
    std::size_t bytes = 48 << 20;  // of what is not taken yet; a second has 2 to 10 MB at the bar
    // Whether a domain is known to have no TLSRPT record; asked for events without one.
    std::function<bool(std::string_view domain)> denied = {};
  };

  struct Counters {
    std::uint64_t events = 0, sessions = 0;  // a session is one policy of an event
    std::uint64_t overflow = 0;              // sessions beyond Options::bytes
    std::uint64_t failures_folded = 0;       // details kept as their result type alone
    std::uint64_t records_passed_over = 0;   // more than kRecords of a domain between two take()
  };

  static constexpr std::size_t kRecords = 8;

  explicit Tally(Options options);
  ~Tally();
  Tally(const Tally&) = delete;
  Tally& operator=(const Tally&) = delete;

  // `at`: when the outcome settled (semantics 8; of a datagram its receipt). `source` and `origin`
  // are words of the configuration. `text`: what the event was read from, so that it need not be
  // read when it comes again; empty: it shall not be remembered.
  void add(std::string_view source, std::string_view origin, const TallyEvent& event, Time at,
           std::string_view text = {});
  // Counts an event as the one that was added with these octets; false: it has to be read. Most
  // sessions of a domain that go well are told by the same octets. They are known by a keyed
  // hash of 128 bits (SipHash).
  bool again(std::string_view source, std::string_view text, Time at);
  // Counts that are made already (policy failures).
  void add(store::TallyAdd&& counts);
  // What the tallies now hold of a feed; the last one of an instance wins.
  void mark(store::FeedMark mark);

  [[nodiscard]] bool empty() const;
  [[nodiscard]] bool full() const;  // over half of Options::bytes: time to take()
  [[nodiscard]] std::size_t bytes() const;
  // Everything since the last take(), in no order anybody may depend on.
  [[nodiscard]] TallyBatch take();

  [[nodiscard]] const Counters& counters() const;

 private:
  struct Work;
  std::unique_ptr<Work> work_;
};

}  // namespace mxw::reportd
