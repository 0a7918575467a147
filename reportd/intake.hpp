// Intake: the reports of others about our domains (RFC 8460 sections 3, 5.3; semantics 8): read,
// their signature verified, what is ours kept in the store.
//
// What comes by LMTP stands in the store, quarantined, before its key is asked for, so that mail
// that was taken is not lost; with a valid aligned signature it is counted then. What the operator
// imports counts with whatever signature it has. Hostile input is data.
//
// One thread, the loop's. Store and lookups outlive it; lookups end before it does.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/config.hpp"
#include "core/dkim/verify.hpp"
#include "core/feed/lookup_client.hpp"
#include "core/report/read.hpp"
#include "core/store/intake_store.hpp"

namespace mxw::reportd {

enum class Taken : std::uint8_t {
  counted,
  quarantined,  // kept, not in the trends
  duplicate,    // the same report was here before
  changed,      // another body under a known key: kept, not counted
  no_report,    // nothing in it is a report
  refused,      // a report that cannot be read: `reason` is a word of docs/deviations.md
  foreign,      // about none of our domains
  not_stored,   // the store did not take it: try again
};
inline constexpr std::size_t kTakenWords = 8;
[[nodiscard]] std::string_view name(Taken taken);

struct TakenReport {
  Taken taken = Taken::no_report;
  std::string reason;
  std::string deviations;  // words, blanks between
  store::IntakeRow row;    // as far as it was read
};

// How `signature` stands to a mail (semantics 8): d= equal to, above or below one of the domains.
[[nodiscard]] bool aligned(std::string_view signature, std::string_view domain);
// `pass`, `fail`, `none` or `no-key`: of the aligned signatures alone. `covered`: a signature that
// passes covers TLS-Report-*.
[[nodiscard]] std::string_view dkim_word(const dkim::Verification& verification,
                                         const report::MailFacts& mail, bool& covered);

class Intake {
 public:
  Intake(store::IntakeStore& store, feed::Lookups& lookups, const config::Intake& settings)
      : store_(store), lookups_(lookups) {
    set(settings);
  }
  Intake(const Intake&) = delete;
  Intake& operator=(const Intake&) = delete;

  void set(const config::Intake& settings);

  // By LMTP: what is true when this returns. not_stored: the sender shall try again.
  Taken take_mail(std::string message, Time now);
  // By the operator: any of JSON, gzip, message. `done` comes once, perhaps from within.
  struct ImportOptions {
    bool dry_run = false;     // stores nothing and says what would be
    bool quarantine = false;  // nobody vouches for it: without a valid signature as by LMTP
  };
  void import(std::string octets, ImportOptions options, Time now,
              std::function<void(const TakenReport&)> done);

  struct Counters {
    std::uint64_t taken[kTakenWords] = {};
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  using Verified = std::function<void(const dkim::Verification&)>;

  [[nodiscard]] TakenReport read(std::string_view octets, report::AnyReport& any, Time now) const;
  [[nodiscard]] bool ours(std::string_view domain) const;
  void verify(std::shared_ptr<const std::string> message, Time now, Verified done);
  [[nodiscard]] Taken keep(const store::IntakeRow& row);
  void count(Taken taken) { ++counters_.taken[static_cast<std::size_t>(taken)]; }

  store::IntakeStore& store_;
  feed::Lookups& lookups_;
  std::set<std::string, std::less<>> domains_;
  Counters counters_;
};

}  // namespace mxw::reportd
