// SmtpClient: hands mail to the local mail server (RFC 5321), one message a connection, without
// blocking.
//
// EHLO, MAIL, RCPT, DATA, QUIT; SIZE and DSN (RFC 3461: failures only, headers back) where offered;
// no TLS, no AUTH: the server is on this host. Accepted is 250 after the final dot and nothing
// else; a connection lost after the dot is not known, so it is a retry. 5yz to RCPT is a refusal of
// that address; every other refusal is the configuration of our own server and so a retry.
//
// Belongs to the loop's thread. The loop must outlive it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/event_loop.hpp"
#include "core/ipc/address.hpp"
#include "reportd/transport.hpp"

namespace mxw::reportd {

struct SmtpConfig {
  ipc::Address server;  // default_server()
  std::string hello;    // our name for EHLO, an A-label
  // The minute of RFC 5321 section 4.5.3.2: 5 for the greeting and each command, 2 for DATA, 3 for
  // a piece of the message, 10 after the dot. A local server is quick: a fifth. Tests: less.
  std::int64_t minute_ns = 12 * kSecond;
};
[[nodiscard]] ipc::Address default_server();  // 127.0.0.1:25

class SmtpClient final : public MailTransport {
 public:
  SmtpClient(EventLoop& loop, SmtpConfig config);
  ~SmtpClient() override;  // connections are closed, no callback comes any more
  SmtpClient(const SmtpClient&) = delete;
  SmtpClient& operator=(const SmtpClient&) = delete;

  void send(Mail mail, Done done) override;
  [[nodiscard]] std::size_t in_flight() const;

 private:
  class Session;
  struct State;
  std::unique_ptr<State> state_;
};

// Lines beginning with a dot get another, the final dot is added (section 4.5.2).
// REQUIRES: every line ends with CRLF.
[[nodiscard]] std::string dot_stuffed(const std::string& message);

}  // namespace mxw::reportd
