// Sink: takes what the judge lets through, in order. Implementations in sensor/sink.
#pragma once

#include "core/evidence/update.hpp"
#include "core/x509/certificate.hpp"
#include "sensor/judge/coverage.hpp"
#include "sensor/judge/finding.hpp"

namespace mxw::judge {

class Sink {
 public:
  virtual ~Sink() = default;
  // Event `starttls`, `smtp`, `tls` or `flow` by update.change (settled, transaction, hello,
  // removed). `chain` only with hello and a certificate in clear. All references are borrowed for
  // the call.
  virtual void on_session(const evidence::SessionEvidence& session,
                          const evidence::EvidenceUpdate& update, const SessionContext& context,
                          const x509::Chain* chain) = 0;
  virtual void on_finding(const Finding& finding) = 0;
  virtual void on_answer(const dnswire::DnsAnswer& answer) = 0;
  // Event `flow` of a DNS-over-TCP connection.
  virtual void on_connection(const dnswire::DnsConnection& connection,
                             const evidence::FrameRef& at) = 0;
  // A near miss asked for by --why.
  virtual void on_near_miss(const evidence::SessionEvidence* session, const rules::Rule& rule,
                            const std::string& why, const evidence::FrameRef& at) = 0;
};

}  // namespace mxw::judge
