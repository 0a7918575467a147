#include "core/evidence/session.hpp"

namespace mxw::evidence {

Offered SessionEvidence::offered() const {
  const Greeting* const g = greeting();
  return g != nullptr ? g->starttls : Offered::unknown;
}

// Semantics 1, "outcome": the first that holds.
Outcome SessionEvidence::outcome() const {
  if (mail_accepted_in_clear) return Outcome::plaintext;
  if (tls.completed) return implicit_tls ? Outcome::implicit_tls : Outcome::tls;
  const bool end_seen = ended == Ended::fin || ended == Ended::rst || ended == Ended::timeout;
  // Loss before the deciding point: nothing below can be said.
  if (quality.one_sided || quality.midstream || tcp.gaps > 0 || quality.cut)
    return Outcome::unknown;
  if (starttls.sent && starttls.reply_code != 0 && starttls.reply_code != 220)
    return Outcome::refused;
  const bool tried = starttls.sent || (implicit_tls && tls.client_hello);
  if (tried) return end_seen ? Outcome::failed : Outcome::unknown;
  return end_seen ? Outcome::none : Outcome::unknown;
}

std::string SessionEvidence::mail_from_domain() const {
  for (const Transaction& t : transactions)
    if (t.mail_code >= 200 && t.mail_code < 300) return t.mail_from_domain;
  return {};
}

std::string_view name(Offered offered) {
  switch (offered) {
    case Offered::yes:
      return "yes";
    case Offered::no:
      return "no";
    case Offered::garbled:
      return "garbled";
    case Offered::unknown:
      break;
  }
  return "unknown";
}

std::string_view name(Outcome outcome) {
  switch (outcome) {
    case Outcome::tls:
      return "tls";
    case Outcome::implicit_tls:
      return "implicit_tls";
    case Outcome::plaintext:
      return "plaintext";
    case Outcome::refused:
      return "refused";
    case Outcome::failed:
      return "failed";
    case Outcome::none:
      return "none";
    case Outcome::unknown:
      break;
  }
  return "unknown";
}

std::string_view name(Ended ended) {
  switch (ended) {
    case Ended::open:
      return "open";
    case Ended::fin:
      return "fin";
    case Ended::rst:
      return "rst";
    case Ended::timeout:
      return "timeout";
    case Ended::input_end:
      break;
  }
  return "input_end";
}

std::string_view name(Point point) {
  switch (point) {
    case Point::greeting:
      return "greeting";
    case Point::command:
      return "command";
    case Point::handshake:
      return "handshake";
    case Point::mail:
      return "mail";
    case Point::end:
      break;
  }
  return "end";
}

std::string_view name(FailStage stage) {
  switch (stage) {
    case FailStage::no_hello:
      return "no_hello";
    case FailStage::client_hello:
      return "client_hello";
    case FailStage::server_hello:
      return "server_hello";
    case FailStage::finished:
      break;
  }
  return "finished";
}

std::string_view name(CertVisibility visibility) {
  switch (visibility) {
    case CertVisibility::clear:
      return "clear";
    case CertVisibility::hidden:
      return "hidden";
    case CertVisibility::anonymous:
      return "anonymous";
    case CertVisibility::resumed:
      return "resumed";
    case CertVisibility::not_seen:
      break;
  }
  return "not_seen";
}

}  // namespace mxw::evidence
