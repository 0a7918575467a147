// The milter's decision for one recipient: facts in, action out (semantics 12).
// Pure functions: no clock, no lookup, no state. What has state (deferrals, breaker, probes) is
// asked before and goes in as facts. Only Action::defer is ever seen by the MTA at RCPT, and only
// where the operator has chosen it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/time.hpp"
#include "core/config/config.hpp"
#include "milter/path.hpp"

namespace mxw::milter {

enum class Role : std::uint8_t { inbound, submission, relay, local };
[[nodiscard]] std::string_view name(Role role);

// On relay, submission and local `tag` is an event and a row, never a header (semantics 12).
using Action = config::MilterAction;
[[nodiscard]] std::string_view name(Action action);

// Why: a closed list, words in docs/output-format.md.
enum class Reason : std::uint8_t {
  not_ours,         // {rcpt_mailer} error, local, virtual, discard; no next hop given
  inbound,          // mail for us: the sender's policy judgement is not ours to make
  session_verdict,  // the same, and the sensor has a verdict about the connection it came by
  smart_host,       // the next hop is another host than the domain's MX
  exempt,           // milter.exempt
  overridden,       // [[milter.override]] said accept
  bypass,           // operator: policy bypass, report-only
  policy_unknown,   // nothing known, or the feed is absent: temperror
  no_policy,
  testing,  // recorded only
  path_clear,
  path_partial,
  no_route,
  reread_pending,
  path_blocked,   // tag or defer, by choice
  probe,          // let through to see whether the path is good again
  null_sender,    // would be deferred, but never is
  authenticated,  // a user's program does not queue
  peer,           // not in defer.peers
  local_mail,
  not_listed,  // milter.defer is in use, and the domain is not in defer.domains
  max_age,     // deferred long enough
  breaker,     // too many deferrals: log only
  no_memory,   // deferrals unreadable at start, or their table is full
  internal_error,
};
[[nodiscard]] std::string_view name(Reason reason);  // `path-blocked`

struct RcptFacts {
  Role role = Role::inbound;
  bool exempt = false, peer_queues = false, authenticated = false, null_sender = false;
  bool ours = false;             // {rcpt_mailer} says it is delivered here, or refused
  bool smart_host = false;       // and its own policy is not the one judged
  bool listed = false;           // defer.domains
  bool session_verdict = false;  // of inbound
  std::optional<Action> overridden;
  bool deferrals_usable = false, breaker_open = false, probe_granted = false;
  std::optional<Time> first_deferred;  // of this mail: client prefix, sender, recipient
  bool internal_error = false;
};

struct Choices {  // of the configuration
  std::int64_t max_age = 0;
  bool defers = false;  // defer.peers and defer.domains both name somebody
  bool dry_run = false;
  bool tempfail_on_error = false;
};

struct Decision {
  Action action = Action::accept;  // what is done
  Action wish = Action::accept;    // what would be done without dry_run and `policy report-only`
  Reason reason = Reason::not_ours;
  std::string_view reply_code, enhanced;  // "451", "4.7.4"; empty unless action or wish is defer
  bool temperror = false;                 // nothing could be known
};

// A first deferral that lies in the future by more than this is no basis: the clock was set back,
// and the mail is let through rather than held for longer than it should be.
inline constexpr std::int64_t kClockSlack = 1 * kMinute;

// REQUIRES: path.domain is the recipient's domain. With facts.internal_error nothing else is read.
[[nodiscard]] Decision decide(const RcptFacts& facts, const DomainPath& path,
                              const Choices& choices, Time now);

// The text behind the codes of a deferral, for the sender's log: printable ASCII, no `%`.
[[nodiscard]] std::string reply_text(const Decision& decision, const DomainPath& path);

}  // namespace mxw::milter
