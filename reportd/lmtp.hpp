// LmtpServer: takes mail from the local mail server on a unix socket (RFC 2033): bounces of
// reports, and reports sent to us.
//
// PIPELINING, 8BITMIME, ENHANCEDSTATUSCODES and SIZE; one answer per recipient after the dot. What
// a message is, is the handler's question; it runs in the loop and its answer is the client's.
// Bounded in connections, octets, recipients, bad commands and time. Belongs to the loop's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/event_loop.hpp"
#include "core/ipc/peer.hpp"

namespace mxw::reportd {

struct LmtpLimits {
  std::size_t connections = 16;
  std::size_t message_bytes = 16 << 20;  // 10 MiB of gzip (RFC 8460 section 5.2) in base64
  std::size_t all_bytes = 64 << 20;      // of all connections together; beyond: 452
  std::size_t recipients = 100;          // RFC 5321 section 4.5.3.1.8
  std::size_t errors = 20;               // then 421
  std::int64_t idle_ns = 5 * kMinute;    // RFC 5321 section 4.5.3.2.7
  std::int64_t session_ns = 30 * kMinute;
};

struct LmtpMail {
  std::string sender;                   // empty for `<>`
  std::vector<std::string> recipients;  // mailboxes, domain in lower case
  std::string message;                  // with CRLF, dots removed
};

enum class LmtpVerdict : std::uint8_t { taken, try_again, refused };

struct LmtpHandler {
  // At RCPT: whether there is such a mailbox.
  std::function<bool(const std::string& mailbox)> known;
  // For each recipient of the mail, in order; called once, so that a message for several is read
  // once.
  std::function<std::vector<LmtpVerdict>(const LmtpMail&)> take;
};

struct LmtpCounters {
  std::uint64_t connections = 0, messages = 0;
  std::uint64_t too_large = 0, too_busy = 0, bad_commands = 0, timeouts = 0, unknown = 0;
};

class LmtpServer {
 public:
  // `listen_fd` (non-blocking, listening) stays the caller's and outlives the server.
  static Result<std::unique_ptr<LmtpServer>> create(EventLoop& loop, int listen_fd,
                                                    ipc::PeerCheck peers, std::string hello,
                                                    LmtpHandler handler, LmtpLimits limits = {});
  ~LmtpServer();
  LmtpServer(const LmtpServer&) = delete;
  LmtpServer& operator=(const LmtpServer&) = delete;

  [[nodiscard]] const LmtpCounters& counters() const;
  // Connections the acceptor refused or had no room for.
  [[nodiscard]] std::uint64_t turned_away() const;

 private:
  struct State;
  class Session;
  explicit LmtpServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace mxw::reportd
