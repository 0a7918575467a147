// What comes around the 220 to STARTTLS: TLS, or octets that should not be there (R11, R24).
#include <algorithm>
#include <utility>

#include "core/base/ascii.hpp"
#include "core/base/limits.hpp"
#include "core/mail/name.hpp"
#include "sensor/session/session.hpp"
#include "sensor/session/text.hpp"

namespace mxw::session {
namespace {

using evidence::Point;
using smtp::Verb;

constexpr std::size_t kTlsBeginning = 3;  // octets that tls::looks_like_tls() needs to be sure

}  // namespace

void Session::on_after_220(Dir dir, Bytes bytes, std::uint64_t offset, const FrameRef& at) {
  if (tls_done_) return;
  After220& after = after_220_[evidence::index(dir)];
  switch (after.speech) {
    case Speech::tls:
      tls_feed(dir, bytes, at);
      return;
    case Speech::injected:
      on_injected(bytes, offset, at);
      return;
    case Speech::undecided:
    case Speech::clear:
      break;
  }
  if (dir == Dir::client) stop_waiting_for_client();
  if (after.head.empty()) {
    after.offset = offset;
    after.at = at;
  }
  const std::size_t before = after.head.size();
  after.head += as_text(bytes);
  if (after.speech == Speech::undecided) {
    const bool tls = tls::looks_like_tls(as_bytes(after.head));
    if (tls && after.head.size() < kTlsBeginning) return;
    // Once the client has spoken, what the server says that is no TLS is an answer, not an
    // injection.
    const bool before_client = dir == Dir::server && !client_after_220_;
    after.speech = tls                  ? Speech::tls
                   : before_client      ? Speech::injected
                   : dir == Dir::client ? Speech::clear
                                        : Speech::tls;
  }
  if (after.speech != Speech::clear) {
    const std::string octets = std::exchange(after.head, {});
    if (after.speech == Speech::tls)
      tls_feed(dir, as_bytes(octets), after.at);
    else
      on_injected(as_bytes(octets), after.offset, after.at);
    return;
  }
  if (goes_on_in_clear(after, before)) return;
  after.speech = Speech::tls;
  const std::string octets = std::exchange(after.head, {});
  tls_feed(dir, as_bytes(octets), after.at);
}

// The client speaks: what the server says from here on answers it.
void Session::stop_waiting_for_client() {
  if (client_after_220_) return;
  client_after_220_ = true;
  After220& server = after_220_[evidence::index(Dir::server)];
  server.speech = Speech::tls;
  const std::string octets = std::exchange(server.head, {});
  if (!octets.empty()) tls_feed(Dir::server, as_bytes(octets), server.at);
}

// Nothing that waits can be completed any more: the TLS parser judges it, and takes the gap.
void Session::gap_after_220(Dir dir) {
  if (dir == Dir::client) stop_waiting_for_client();
  if (!tls_ && !tls_done_) tls_ = std::make_unique<tls::Parser>();
  After220& after = after_220_[evidence::index(dir)];
  after.speech = Speech::tls;
  const std::string octets = std::exchange(after.head, {});
  if (!octets.empty()) tls_feed(dir, as_bytes(octets), after.at);
}

void Session::end_after_220() {
  for (const Dir dir : {Dir::client, Dir::server}) {
    After220& after = after_220_[evidence::index(dir)];
    const std::string octets = std::exchange(after.head, {});
    if (octets.empty() || tls_done_) continue;
    if (!tls_) tls_ = std::make_unique<tls::Parser>();
    tls_->feed(dir, as_bytes(octets), after.at);
  }
}

void Session::on_injected(Bytes bytes, std::uint64_t offset, const FrameRef& at) {
  evidence::StarttlsEvidence& s = ev_.starttls;
  if (s.bytes_after_220 == 0) s.injected_at = at;
  s.bytes_after_220 += static_cast<std::uint32_t>(bytes.size());
  const std::size_t room = limits::kSmtpLineBytes - injected_.size();
  injected_ += as_text(bytes.first(std::min(room, bytes.size())));
  if (!injected_line_ && ev_.dialogue.size() < limits::kSmtpDialogueLines) {
    injected_line_ = ev_.dialogue.size();
    note_line(Dir::server, at, offset, 0, {});
  }
  if (injected_line_) {
    evidence::DialogueLine& line = ev_.dialogue[*injected_line_];
    line.length = s.bytes_after_220;
    line.text = shown(redactor_, injected_);
  }
  reach(Point::command);
  emit(Change::command);
}

// The client's first octets after the 220 are no TLS. True while a line end is waited for, and when
// the line is an SMTP command: a capture written after decryption, or a middlebox that ended TLS.
// `before`: how many octets of the head the SMTP parser is not going to read by itself.
bool Session::goes_on_in_clear(After220& after, std::size_t before) {
  const std::size_t line_end = after.head.find('\n');
  if (line_end == std::string::npos) return after.head.size() < limits::kSmtpTextBytes;
  const std::string_view line = std::string_view(after.head).substr(0, line_end);
  const Verb verb = smtp::parse_command(ascii::trim_line(line)).verb;
  if (verb == Verb::unknown || verb == Verb::http) return false;
  ev_.starttls.plain_after_220 = true;
  ev_.tls.client_not_tls = true;
  smtp_.resume_clear();
  reach(Point::handshake);
  emit(Change::handshake);
  const std::string earlier = std::exchange(after.head, {}).substr(0, before);
  const std::uint64_t offset = after.offset;
  const FrameRef at = after.at;
  after_220_ = {};  // STARTTLS may come again
  client_after_220_ = false;
  smtp_.feed(Dir::client, as_bytes(earlier), offset, at);
  return true;
}

// Clear octets behind the STARTTLS line: quoted as far as no secret and no local part can be in
// them.
void Session::on_early_client_bytes(Bytes bytes, std::uint64_t offset, const FrameRef& at) {
  ev_.starttls.bytes_after_command += static_cast<std::uint32_t>(bytes.size());
  ev_.starttls.injected_at = at;
  const std::string_view octets = as_text(bytes);
  const std::string_view line = ascii::trim_line(octets.substr(0, octets.find('\n')));
  const smtp::Command command = smtp::parse_command(line);
  std::string text;
  switch (command.verb) {
    case Verb::ehlo:
    case Verb::helo:
    case Verb::lhlo:
      text = shown(redactor_, line);
      break;
    case Verb::mail:
      text = "MAIL FROM:" + shown_path(command.argument);
      break;
    case Verb::rcpt:
      text = "RCPT TO:" + shown_path(command.argument);
      break;
    case Verb::unknown:
      break;
    default:
      text = smtp::name(command.verb);
  }
  const std::string size = "(" + std::to_string(bytes.size()) + " octets)";
  note_line(Dir::client, at, offset, static_cast<std::uint32_t>(bytes.size()),
            text.empty() ? size : text + ' ' + size);
  reach(Point::command);
  emit(Change::command);
}

}  // namespace mxw::session
