#include "sensor/session/session.hpp"

#include <algorithm>
#include <utility>

#include "core/base/ascii.hpp"
#include "core/base/limits.hpp"
#include "core/evidence/flow_id.hpp"
#include "sensor/session/greeting.hpp"
#include "sensor/session/text.hpp"

namespace mxw::session {
namespace {

using evidence::Point;
using smtp::Verb;

constexpr std::uint8_t kTcp = 6;

}  // namespace

Session::Session(const flow::Connection& connection, evidence::SessionObserver& observer,
                 const Redactor& redactor)
    : conn_(connection),
      observer_(observer),
      redactor_(redactor),
      smtp_(*this, connection.midstream) {
  ev_.tenant = conn_.tenant;
  ev_.vlan = conn_.vlan;
  ev_.client = conn_.client;
  ev_.server = conn_.server;
  ev_.start = conn_.start;
}

void Session::on_data(Dir dir, Bytes bytes, std::uint64_t offset, const FrameRef& at) {
  now_ = at;
  ev_.data_seen = true;
  (dir == Dir::client ? ev_.client_spoke : ev_.server_spoke) = true;
  if (recognise(dir, bytes, offset, at)) route(dir, bytes, offset, at);
}

void Session::route(Dir dir, Bytes bytes, std::uint64_t offset, const FrameRef& at) {
  if (opaque_ || foreign_) return;
  if (ev_.implicit_tls) {
    tls_feed(dir, bytes, at);
    return;
  }
  smtp_.set_one_sided(conn_.one_sided());
  smtp_.feed(dir, bytes, offset, at);
}

void Session::on_gap(Dir dir, std::uint64_t, std::uint64_t length, bool, const FrameRef& at) {
  now_ = at;
  recognised_ = recognised_ || is_mail_port(conn_.server.port);
  if (smtp_.after_220()) gap_after_220(dir);
  if (tls_ && !tls_done_) {
    tls_->gap(dir, length, at);
    tls_moved();
  }
  if (ev_.implicit_tls) return;
  smtp_.gap(dir, length);
  if (smtp_.lost()) ev_.smtp_lost = true;
}

// The copy that did not count is evidence too. A client's may hold secrets: only its size is told.
void Session::on_conflict(Dir dir, std::uint64_t offset, Bytes, Bytes other, const FrameRef& at) {
  now_ = at;
  if (!recognised_) return;
  const std::string_view line = as_text(other).substr(0, as_text(other).find('\n'));
  const bool quoted = dir == Dir::server && !line.empty();
  note_line(dir, at, offset, static_cast<std::uint32_t>(other.size()),
            quoted ? "(other copy) " + shown(redactor_, ascii::trim_line(line))
                   : "(other copy of these octets)");
  reach(Point::command);
  emit(Change::command);
}

void Session::on_reset(Dir, const FrameRef& at) {
  now_ = at;
}

void Session::on_data_after_reset(Dir, const FrameRef& at) {
  now_ = at;
  if (!recognised_) return;
  emit(Change::handshake);
}

void Session::on_end(evidence::Ended how, const FrameRef& at) {
  now_ = at;
  ended_ = true;
  ev_.ended = how;
  // What began no protocol within its few octets is a session all the same where mail is expected.
  recognised_ = recognised_ || (is_mail_port(conn_.server.port) && ev_.data_seen);
  if (!recognised_) return;
  end_after_220();
  if (tls_ && !tls_done_) {
    tls_->finish(at);
    take_tls_evidence();
  }
  end_transactions(transactions_begun());
  const bool tried = ev_.starttls.sent || ev_.implicit_tls;
  if (tried && !tls_done_) {
    tls_done_ = true;
    reach(Point::handshake);
    emit(Change::handshake);
  }
  if (tls_ && !hello_told_ && tls_->hello_seen()) {
    hello_told_ = true;
    emit(Change::hello);
  }
  settle();
  reach(Point::end);
  emit(Change::end);
}

void Session::on_removed(const FrameRef& at) {
  now_ = at;
  if (recognised_)
    emit(Change::removed);
  else if (is_mail_port(conn_.server.port) && !ev_.data_seen)
    observer_.on_connection_without_data();
}

bool Session::wants_data() const {
  return !ended_ && !foreign_ && !opaque_ && !tls_done_;
}

bool Session::wants_conflicts() const {
  return wants_data() && !ev_.mail_accepted_in_clear && !smtp_.after_220() && !ev_.implicit_tls;
}

void Session::settle() {
  if (settled_told_) return;
  settled_told_ = true;
  emit(Change::settled);
}

void Session::tls_feed(Dir dir, Bytes bytes, const FrameRef& at) {
  if (tls_done_) return;
  if (!tls_) tls_ = std::make_unique<tls::Parser>();
  tls_->feed(dir, bytes, at);
  tls_moved();
}

void Session::tls_moved() {
  if (tls_done_ || !tls_->settled()) return;
  tls_done_ = true;
  take_tls_evidence();
  reach(Point::handshake);
  emit(Change::handshake);
  if (tls_->hello_seen() && !hello_told_) {
    hello_told_ = true;
    emit(Change::hello);
  }
  if (ev_.tls.completed) settle();
  tls_.reset();  // most of a connection's life comes after this
}

void Session::take_tls_evidence() {
  ev_.tls = tls_->evidence();
  ev_.tls.sni = redactor_.text(ev_.tls.sni);
}

// Of a body only its class of oddity is told, never its text.
void Session::on_body_facts(const smtp::BodyFacts& facts) {
  if (facts.bare_lf_dot && !ev_.bare_lf_end_of_data)
    note_line(Dir::client, facts.dot_at, facts.dot_offset, 0,
              "(body) lone dot whose line ends are not both CR LF");
  if (facts.verb_after_it && !ev_.verb_after_end_of_data)
    note_line(Dir::client, facts.verb_at, facts.verb_offset, 0,
              "(body) an SMTP command right behind that dot");
  ev_.bare_lf_end_of_data = ev_.bare_lf_end_of_data || facts.bare_lf_dot;
  ev_.verb_after_end_of_data = ev_.verb_after_end_of_data || facts.verb_after_it;
}

void Session::note_line(Dir from, const FrameRef& at, std::uint64_t offset, std::uint32_t length,
                        std::string text) {
  if (ev_.dialogue.size() >= limits::kSmtpDialogueLines) {
    ++ev_.dialogue_dropped;
    return;
  }
  ev_.dialogue.push_back({from, at, offset, length, std::move(text)});
}

void Session::reach(Point point) {
  sync();
  evidence::PointState& state = ev_.point(point);
  if (state.reached && (point == Point::handshake || point == Point::end)) return;
  state.reached = true;
  state.at = now_;
  state.quality = ev_.quality;
}

// Takes over what the flow stage knows as of now.
void Session::sync() {
  ev_.last = conn_.last;
  ev_.tcp = conn_.tcp;
  ev_.quality.midstream = conn_.midstream;
  ev_.quality.one_sided = conn_.one_sided();
  ev_.quality.gap = conn_.tcp.gaps > 0;
  ev_.quality.cut = conn_.cut;
  ev_.quality.ambiguous = conn_.tcp.overlap_conflicts > 0;
}

void Session::emit(Change change, std::uint32_t index) {
  if (!recognised_) return;
  if (ev_.id == 0)
    ev_.id = evidence::flow_id(conn_.tenant, conn_.client, conn_.server, kTcp, conn_.start);
  sync();
  observer_.on_update(ev_, {change, index, now_});
}

}  // namespace mxw::session
