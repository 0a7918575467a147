#include "sensor/session/session.hpp"

#include <algorithm>
#include <utility>

#include "core/base/ascii.hpp"
#include "core/base/digest.hpp"
#include "core/base/limits.hpp"
#include "sensor/session/greeting.hpp"

namespace mxw::session {
namespace {

using evidence::Point;
using smtp::Verb;

// flow_id (semantics 1): the first 53 bits of SHA-256 over (tenant, 5-tuple, first time, first frame).
std::uint64_t flow_id(const flow::Connection& conn) {
  std::string text;
  const auto put = [&text](std::uint64_t v, std::size_t octets) {
    for (std::size_t i = octets; i-- > 0;) text += static_cast<char>(v >> (8 * i) & 0xff);
  };
  put(conn.tenant, 4);
  for (const Endpoint* e : {&conn.client, &conn.server}) {
    text += as_text(Bytes(e->address.octets));
    put(e->address.family, 1);
    put(e->port, 2);
  }
  put(static_cast<std::uint64_t>(conn.start.time.ns), 8);
  put(conn.start.frame, 8);
  const Sha256 digest = sha256(as_bytes(text));
  std::uint64_t id = 0;
  for (std::size_t i = 0; i < 7; ++i) id = id << 8 | digest[i];
  return id >> 3;
}

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
  if (tls_ && !tls_done_) {
    tls_->gap(dir, length, at);
    tls_moved();
  }
  if (ev_.implicit_tls) return;
  smtp_.gap(dir, length);
  if (smtp_.lost()) ev_.smtp_lost = true;
}

void Session::on_conflict(Dir, std::uint64_t, Bytes, Bytes, const FrameRef& at) {
  now_ = at;
  if (!recognised_) return;
  reach(Point::command);
  emit(Change::command);
}

void Session::on_reset(Dir, const FrameRef& at) { now_ = at; }

void Session::on_data_after_reset(Dir, const FrameRef& at) {
  now_ = at;
  if (!recognised_) return;
  emit(Change::handshake);
}

void Session::on_end(evidence::Ended how, const FrameRef& at) {
  now_ = at;
  ended_ = true;
  ev_.ended = how;
  if (!recognised_) return;
  if (!clear_.empty()) {
    if (!tls_) tls_ = std::make_unique<tls::Parser>();
    tls_->feed(Dir::client, as_bytes(std::exchange(clear_, {})), clear_at_);
  }
  if (tls_ && !tls_done_) {
    tls_->finish(at);
    ev_.tls = tls_->evidence();
    ev_.tls.sni = redactor_.text(ev_.tls.sni);
  }
  end_transaction();
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

bool Session::wants_data() const { return !ended_ && !foreign_ && !opaque_ && !tls_done_; }

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
  tls_->feed(dir, bytes, at);
  tls_moved();
}

void Session::tls_moved() {
  if (tls_done_ || !tls_->settled()) return;
  tls_done_ = true;
  ev_.tls = tls_->evidence();
  ev_.tls.sni = redactor_.text(ev_.tls.sni);
  reach(Point::handshake);
  emit(Change::handshake);
  if (tls_->hello_seen() && !hello_told_) {
    hello_told_ = true;
    emit(Change::hello);
  }
  if (ev_.tls.completed) settle();
}

// Octets behind the 220: TLS, or something that should not be there (R11, R24).
void Session::on_after_220(Dir dir, Bytes bytes, std::uint64_t offset, const FrameRef& at) {
  if (dir == Dir::server && !client_after_220_ &&
      (!injected_.empty() || !tls::looks_like_tls(bytes))) {
    on_injected(bytes, offset, at);
    return;
  }
  const bool first = dir == Dir::client && (!client_after_220_ || !clear_.empty());
  if (dir == Dir::client) client_after_220_ = true;
  if (first && (!clear_.empty() || !tls::looks_like_tls(bytes))) {
    if (goes_on_in_clear(bytes, offset, at)) return;
    if (!tls_) tls_ = std::make_unique<tls::Parser>();
    tls_feed(dir, as_bytes(std::exchange(clear_, {})), at);
    return;
  }
  if (!tls_) tls_ = std::make_unique<tls::Parser>();
  tls_feed(dir, bytes, at);
}

void Session::on_injected(Bytes bytes, std::uint64_t offset, const FrameRef& at) {
  evidence::StarttlsEvidence& s = ev_.starttls;
  if (s.bytes_after_220 == 0) s.injected_at = at;
  s.bytes_after_220 += static_cast<std::uint32_t>(bytes.size());
  const std::size_t room = limits::kSmtpTextBytes - injected_.size();
  injected_ += as_text(bytes.first(std::min(room, bytes.size())));
  if (injected_line_ == 0) {
    note_line(Dir::server, at, offset, 0, {});
    injected_line_ = static_cast<std::uint32_t>(ev_.dialogue.size());
  }
  evidence::DialogueLine& line = ev_.dialogue[injected_line_ - 1];
  line.length = s.bytes_after_220;
  line.text = redactor_.text(injected_);
  reach(Point::command);
  emit(Change::command);
}

// The client's first octets after the 220 are no TLS. True while a line end is waited for, and when the
// line is an SMTP command: a capture written after decryption, or a middlebox that ended TLS.
bool Session::goes_on_in_clear(Bytes bytes, std::uint64_t offset, const FrameRef& at) {
  if (clear_.empty()) {
    clear_offset_ = offset;
    clear_at_ = at;
  }
  const std::size_t before = clear_.size();
  clear_ += as_text(bytes);
  const std::size_t line_end = clear_.find('\n');
  if (line_end == std::string::npos) return clear_.size() < limits::kSmtpTextBytes;
  const Verb verb = smtp::parse_command(ascii::trim_line(clear_.substr(0, line_end))).verb;
  if (verb == Verb::unknown || verb == Verb::http) return false;
  ev_.starttls.plain_after_220 = true;
  ev_.tls.client_not_tls = true;
  smtp_.resume_clear();
  reach(Point::handshake);
  emit(Change::handshake);
  const std::string earlier = clear_.substr(0, before);
  clear_.clear();
  smtp_.feed(Dir::client, as_bytes(earlier), clear_offset_, clear_at_);
  return true;  // the parser reads `bytes` again, as lines
}

void Session::on_early_client_bytes(Bytes bytes, std::uint64_t offset, const FrameRef& at) {
  ev_.starttls.bytes_after_command += static_cast<std::uint32_t>(bytes.size());
  ev_.starttls.injected_at = at;
  const std::string_view text = ascii::trim_line(as_text(bytes));
  const smtp::Command command = smtp::parse_command(text);
  const bool quotable = command.verb != Verb::unknown && command.verb != Verb::auth;
  note_line(Dir::client, at, offset, static_cast<std::uint32_t>(bytes.size()),
            quotable ? redactor_.text(text.substr(0, limits::kSmtpTextBytes))
                     : "(" + std::to_string(bytes.size()) + " octets)");
  reach(Point::command);
  emit(Change::command);
}

void Session::on_body_facts(bool bare_lf_dot, bool verb_after_it) {
  ev_.bare_lf_end_of_data = ev_.bare_lf_end_of_data || bare_lf_dot;
  ev_.verb_after_end_of_data = ev_.verb_after_end_of_data || verb_after_it;
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
  if (ev_.id == 0) ev_.id = flow_id(conn_);
  sync();
  observer_.on_update(ev_, {change, index, now_});
}

}  // namespace mxw::session
