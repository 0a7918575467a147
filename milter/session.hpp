// Session: one connection of the MTA to the milter, without libmilter: what its callbacks do, as
// values in and replies out. Made at connect, handed from callback to callback by smfi_setpriv.
// The callbacks of one session come one after another, from any thread; it holds no lock between
// them, and nothing here waits. No exception leaves it: a fault of ours is told to the recorder,
// and mail goes on as milter.on_internal_error says.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "milter/breaker.hpp"
#include "milter/deferrals.hpp"
#include "milter/lookup.hpp"
#include "milter/recipient.hpp"
#include "milter/recorder.hpp"
#include "milter/settings.hpp"
#include "milter/transaction.hpp"

namespace mxw::milter {

// Of the process; all outlive every session and may be used by any thread.
struct Shared {
  Lookup& lookup;
  Deferrals& deferrals;
  Breaker& breaker;
  Recorder& recorder;
  std::function<Time()> clock;  // by which policies, deferrals and probes age
  std::function<Time()> wall;   // the system's: of sessions and of what is told
};

class Session {
 public:
  Session(std::shared_ptr<const Settings> settings, Shared shared, std::uint64_t id);

  Reply connect(const Connect& connect, const Macros& macros);
  Reply helo(std::string_view name, const Macros& macros);  // again after STARTTLS
  // The path and the ESMTP parameters, as libmilter gives them.
  Reply mail(std::span<const std::string_view> args, const Macros& macros);
  Reply rcpt(std::span<const std::string_view> args, const Macros& macros);
  Reply data(const Macros& macros);
  // REQUIRES: of every header, in their order: those of one name are counted.
  void header(std::string_view name, std::string_view value);
  Edits end_of_message(const Macros& macros);
  void abort();  // any number of times
  void close() { abort(); }

  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] Role role() const { return role_; }

 private:
  struct Transaction {
    Time since;
    std::string sender;  // empty: null sender. To know the mail again: never told
    std::string queue_id;
    bool requiretls = false, tls_required_no = false;
    bool untold_id = false;   // decisions were told without the queue id, and it was not told since
    bool named_late = false;  // decisions were told without the queue id
    std::uint32_t recipients = 0;  // that we did not defer
    std::string first_domain;
    std::vector<std::string> probes;  // domains it goes through to, at most kProbes
    std::string quarantine;
    std::uint32_t results_seen = 0;  // headers of our name so far
    std::uint32_t forged = 0, forged_left = 0;
    std::size_t kept_bytes = 0;
    std::vector<Edits::Change> changes;
  };

  template <typename Callback>
  bool guarded(Stage stage, Callback&& callback);
  void read_client(const Connect& connect, const Macros& macros);
  void read_server(const Macros& macros);
  void read_tls(const Macros& macros);
  void learn_queue_id(const Macros& macros, bool certain);
  void set_role();

  Reply answer_rcpt(const Recipient& recipient, Time now);
  [[nodiscard]] RcptFacts facts_of(const Recipient& recipient) const;
  [[nodiscard]] DomainPath path_of(const Recipient& recipient, const RcptFacts& facts, Time now);
  [[nodiscard]] Decision judge(const Recipient& recipient, const DomainPath& path, RcptFacts facts,
                               Time now);
  [[nodiscard]] Deferrals::Key key_of(const Recipient& recipient) const;
  [[nodiscard]] bool take_probe(const std::string& domain, Time now);
  // False: there was no room to remember it.
  [[nodiscard]] bool remember_deferral(const Recipient& recipient, Time now);
  void count_deferral(Time now);
  Reply answer_trouble();

  [[nodiscard]] DecisionNote new_note() const;
  void tell(DecisionNote note);

  [[nodiscard]] bool reads_results() const;
  void take_results(std::string_view value);
  void tell_inbound(Edits& edits, Time now);
  [[nodiscard]] std::optional<SessionVerdict> session_verdict(Time now) const;
  [[nodiscard]] std::string results_header(DecisionNote& note,
                                           const std::optional<SessionVerdict>& verdict) const;
  void tell_message(const Edits& edits);
  void finish();

  const std::shared_ptr<const Settings> settings_;
  const Shared shared_;
  const std::uint64_t id_;

  bool connected_ = false, exempt_ = false, trusted_ = false, authenticated_ = false;
  bool headers_come_ = true;
  Role role_ = Role::inbound;
  Time start_;
  std::optional<Endpoint> client_, server_;
  std::string daemon_name_, daemon_port_, authserv_id_;
  HopTls tls_;
  std::string last_queue_id_;  // of the transaction before: macros of a stage outlive it
  // `trouble_`: nothing more can be said of this transaction.
  bool in_transaction_ = false, trouble_ = false;
  Transaction transaction_;
};

}  // namespace mxw::milter
