// EvidenceUpdate: a session moved on. Emitted by sensor/session in packet order; the judge takes
// updates ordered by (time, frame) and must not keep the reference behind the call.
#pragma once

#include <cstdint>

#include "core/evidence/session.hpp"

namespace mxw::evidence {

enum class Change : std::uint8_t {
  greeting,   // an EHLO or HELO was accepted before the first STARTTLS and accepted MAIL
  command,    // a command came or was answered
  handshake,  // TLS settled (completed, failed, not TLS, connection closed), or data after a reset
  mail,       // MAIL was accepted in clear
  recipient,  // a RCPT was accepted in clear: a policy domain is known; `index` into transactions
  transaction,  // a mail transaction is over; `index` into transactions
  hello,        // a TLS Hello was parsed and nothing more of the handshake will be (event `tls`)
  settled,      // the outcome is known (event `starttls`)
  end,          // the connection ended
  removed,      // and leaves the table (event `flow`)
};

struct EvidenceUpdate {
  Change change = Change::command;
  std::uint32_t index = 0;
  FrameRef at;
};

class SessionObserver {
 public:
  virtual ~SessionObserver() = default;
  virtual void on_update(const SessionEvidence& session, const EvidenceUpdate& update) = 0;
  // A connection on a mail port, or that looked like SMTP, without any payload: no session.
  virtual void on_connection_without_data() = 0;
};

}  // namespace mxw::evidence
