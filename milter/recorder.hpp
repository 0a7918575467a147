// What a session tells of its decisions, and to whom. No note holds a local part.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/ip.hpp"
#include "core/base/time.hpp"
#include "core/store/milter_store.hpp"
#include "milter/breaker.hpp"
#include "milter/decide.hpp"
#include "milter/path.hpp"

namespace mxw::milter {

// TLS of this hop, as the MTA's macros tell it.
struct HopTls {
  std::string version, cipher, bits;  // empty version: none
  [[nodiscard]] bool used() const { return !version.empty(); }
};

// One decision: for one RCPT; on inbound for one message, at its end.
struct DecisionNote {
  std::uint64_t session = 0;
  Time time;
  Time since;            // when the transaction began (MAIL)
  std::string queue_id;  // empty: not known yet, queue_id() may follow
  std::string listener;  // {daemon_name}, else {daemon_port}; at most 64 octets
  Role role = Role::inbound;
  std::optional<IpAddress> client;  // cut to /24, /48
  HopTls tls;
  std::string domain;  // A-label or address literal, at most 255 octets; empty: neither. Of
                       // inbound: of the first recipient
  std::uint32_t recipients = 1;  // of inbound: accepted ones
  Decision decision;
  DomainPath path;  // with its verdicts and policy; of inbound: empty
  bool dry_run = false;
  bool requiretls = false;  // parameter of MAIL (RFC 8689 section 2)
  // Inbound only.
  std::string x_tls, x_mta_sts;  // results in the header; empty: none
  std::string session_verdict, session_rule;
  std::uint32_t forged = 0;       // Authentication-Results headers that go or lose clauses
  std::uint32_t forged_left = 0;  // over the bound of one message
};

// One message, at its end, whatever its role.
struct MessageNote {
  std::uint64_t session = 0;
  Time time, since;
  std::string queue_id;
  Role role = Role::inbound;
  std::uint32_t recipients = 0;
  bool requiretls = false;
  bool tls_required_no = false;  // `TLS-Required: No` (RFC 8689 section 5): known only now
  bool quarantined = false;
  bool named_late = false;  // decisions were told without the queue id
};

enum class Stage : std::uint8_t { connect, helo, mail, rcpt, data, header, end_of_message, abort };
[[nodiscard]] std::string_view name(Stage stage);

// REQUIRES of every implementation: does not block, does not throw but for want of memory; any
// thread.
class Recorder {
 public:
  virtual ~Recorder() = default;

  virtual void decision(DecisionNote note) = 0;
  virtual void message(MessageNote note) = 0;
  // The id became known after decisions since `since` were told without it.
  virtual void queue_id(std::uint64_t session, Time since, std::string_view id) = 0;
  virtual void deferred(store::DeferralRow row) = 0;
  virtual void breaker_tripped(Time time, Breaker::Counts counts) = 0;
  // A callback failed by a fault of ours; mail goes on as milter.on_internal_error says.
  virtual void internal_error(Stage stage) = 0;
};

}  // namespace mxw::milter
