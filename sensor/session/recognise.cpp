// Which connections are SMTP.
#include <algorithm>
#include <utility>

#include "core/base/ascii.hpp"
#include "sensor/session/session.hpp"

namespace mxw::session {
namespace {

bool begins_client(std::string_view text) {
  for (const std::string_view verb : {"EHLO ", "HELO ", "LHLO "})
    if (ascii::iequals(text.substr(0, verb.size()), verb.substr(0, text.size()))) return true;
  return false;
}

bool begins_server(std::string_view text) {
  constexpr std::string_view kReady = "220";
  return text.substr(0, 3) == kReady.substr(0, std::min<std::size_t>(3, text.size())) &&
         (text.size() < 4 || text[3] == ' ' || text[3] == '-');
}

}  // namespace

bool is_mail_port(std::uint16_t port) {
  return port == 25 || port == 465 || port == 587 || port == 2525;
}

std::unique_ptr<flow::StreamHandler> SessionFactory::make(const flow::Connection& connection,
                                                          Bytes first) {
  const bool mail = is_mail_port(connection.server.port);
  if (!mail && connection.midstream &&
      !(first.size() >= 4 && (begins_client(as_text(first)) || begins_server(as_text(first)))))
    return nullptr;
  return std::make_unique<Session>(connection, observer_, redactor_);
}

Session::Kind Session::classify(Dir dir, std::string_view head) const {
  const bool tls = tls::looks_like_tls(as_bytes(head));
  if (is_mail_port(conn_.server.port)) {
    if (!tls) return Kind::smtp;
    if (head.size() < 3) return Kind::wait;
    // TLS whose beginning was not seen: nothing of it can be judged.
    if (conn_.midstream) return Kind::opaque;
    // TLS from the first octet, and not in the middle of a clear dialogue. Where TLS is due at
    // once, a banner in clear is the server's mistake and the client's hello still decides. The
    // server's side comes first only where the client's is missing.
    constexpr std::uint16_t kImplicitTlsPort = 465;  // RFC 8314 section 3.3
    const bool due = dir == Dir::client && conn_.server.port == kImplicitTlsPort;
    return head[0] == 0x16 && (due || !clear_seen_) ? Kind::implicit_tls : Kind::smtp;
  }
  if (recognised_)
    return Kind::smtp;  // by what the client said; the server's first words were lost
  if (dir == Dir::server) {
    if (!begins_server(head)) return Kind::foreign;
    return head.size() < 4 ? Kind::wait : Kind::smtp;
  }
  if (!begins_client(head)) return Kind::foreign;
  return head.size() < 5 ? Kind::wait : Kind::smtp;
}

// Decides by a direction's first octets what it is. False: they are kept for later, or not wanted.
bool Session::recognise(Dir dir, Bytes bytes, std::uint64_t offset, const FrameRef& at) {
  Head& head = heads_[evidence::index(dir)];
  if (head.known || ev_.implicit_tls || opaque_) return true;
  if (head.text.empty()) {
    head.offset = offset;
    head.at = at;
  }
  constexpr std::size_t kEnough = 8;
  const std::string_view fresh = as_text(bytes.first(std::min(bytes.size(), kEnough)));
  const std::string joined = head.text.empty() ? std::string() : head.text + std::string(fresh);
  const Kind kind = classify(dir, joined.empty() ? fresh : std::string_view(joined));
  if (kind == Kind::wait) {
    head.text += as_text(bytes);
    return false;
  }
  head.known = true;
  clear_seen_ = clear_seen_ || kind == Kind::smtp;
  const bool mail = is_mail_port(conn_.server.port);
  foreign_ = kind == Kind::foreign;
  opaque_ = kind == Kind::opaque;
  // FTP and others greet with 220 too: elsewhere than on a mail port the client's first word
  // decides.
  recognised_ = recognised_ || mail || (kind == Kind::smtp && dir == Dir::client);
  if (kind == Kind::implicit_tls) {
    ev_.implicit_tls = true;
  }
  const std::string earlier = std::exchange(head.text, {});
  if (!earlier.empty()) route(dir, as_bytes(earlier), head.offset, head.at);
  return true;
}

}  // namespace mxw::session
