// Delivery: sends the reports of the store and says there what became of them (semantics 8).
//
// queued -> sending -> accepted | retry at 5, 15, 45 min, 2, 5, 10, 16, 24 h after the first try |
// expired | suppressed. `sending` is committed before the attempt and names its URI; what became of
// it is committed before the next. A process that ends in between tries again at the retry that was
// due: at least once, and twice only when it ended between acceptance there and commit here.
//
// The rua of the day's last record are tried in their order until one accepts; 4xx (and a refused
// recipient) end a URI for that report alone. Without any left the report expires.
//
// One thread. The ledger, source and transports must outlive it; callbacks of transports that come
// after its end do nothing. It asks no clock but the one it is given: call run() about every
// second.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/time.hpp"
#include "core/store/report_store.hpp"
#include "reportd/ledger.hpp"
#include "reportd/return_path.hpp"
#include "reportd/rua.hpp"
#include "reportd/transport.hpp"

namespace mxw::reportd {

struct DeliveryConfig {
  bool enabled = false;  // off until organisation, contact and signing are set
  std::size_t parallel = 8;
  std::size_t per_address = 1'000;  // reports of a day that may go to one rua address
  std::size_t per_day = 10'000;     // reports of a day
};

struct DeliveryCounters {
  std::uint64_t attempts = 0, accepted = 0, retries = 0, refused = 0;
  std::uint64_t expired = 0, suppressed = 0;
  std::uint64_t capped = 0;  // reports beyond per_day, and URIs beyond per_address or per record
  std::uint64_t store_errors = 0;    // a row could not be written or read; tried again
  std::uint64_t compose_errors = 0;  // the source had no message
};

// When a report is tried first: 0 to 4 h after the end of its day, spread by its id (RFC 8460
// section 4.1).
[[nodiscard]] Time first_try(const store::ReportKey& key, std::string_view report_id);

// Report mails the local MTA accepted on that UTC day, by the domain of the mailbox: what the loop
// guard compares with the sessions of a domain-day. Of reports about the week before.
[[nodiscard]] Result<std::map<std::string, std::uint64_t>> mails_handed_over(
    store::ReportStore& store, std::uint32_t tenant, store::Day day);

class Delivery {
 public:
  using WallClock = std::function<Time()>;

  Delivery(Ledger& ledger, DeliveryConfig config, ReturnPath return_path, MessageSource& source,
           MailTransport& mail, PostTransport& post, WallClock clock);
  ~Delivery();
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;

  // Before the first run(): what was being sent when the process ended is tried again.
  Result<std::size_t> resume();

  // Starts what is due, writes what could not be written before. Does nothing new while held or
  // not enabled.
  void run();

  // Sending waits while any reason is there: `what` names it (`self-test`, `dns`), `why` is for
  // people; an empty `why` lifts it. What is under way goes on.
  void hold(const std::string& what, const std::string& why);
  [[nodiscard]] std::string waits_because() const;  // empty when it does not wait

  void set_enabled(bool enabled);
  [[nodiscard]] std::size_t in_flight() const;
  [[nodiscard]] const DeliveryCounters& counters() const { return counters_; }

 private:
  struct Job;
  class Caps;

  void begin(const store::ReportRow& row);
  [[nodiscard]] std::unique_ptr<Job> load(const store::ReportRow& row);
  void advance(Job& job, std::optional<store::DeliveryRow> delivery);
  [[nodiscard]] const Rua* pick(Job& job);
  [[nodiscard]] bool may_go(Job& job, const Rua& rua);
  void mark_sending(Job& job, const Rua& rua);
  void mark_ended(Job& job);
  void commit(Job& job);
  void drop(Job& job);
  void count_end(store::ReportState state);
  void attempt(Job& job, const Rua& rua);
  void on_done(const store::ReportKey& key, std::uint64_t number, const Attempt& attempt);

  Ledger& ledger_;
  DeliveryConfig config_;
  ReturnPath return_path_;
  MessageSource& source_;
  MailTransport& mail_;
  PostTransport& post_;
  WallClock clock_;
  std::map<std::string, std::string> holds_;
  std::map<store::ReportKey, std::unique_ptr<Job>> jobs_;
  std::unique_ptr<Caps> caps_;
  std::uint64_t numbers_ = 0;
  std::shared_ptr<Delivery*> self_;  // null for callbacks that come too late
  DeliveryCounters counters_;
};

}  // namespace mxw::reportd
