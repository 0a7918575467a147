// How a report leaves: what Delivery hands to a transport and what it is told. The transports are
// SmtpClient and HttpsPost; tests have their own.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/store/report_rows.hpp"

namespace mxw::reportd {

struct Attempt {
  // retry: nothing is known to have arrived, or it is not known (a connection lost after the final
  // dot). refused: this URI will not take it, now or later (semantics 8).
  enum class Outcome : std::uint8_t { accepted, retry, refused };
  Outcome outcome = Outcome::retry;
  std::string detail;  // one line for people, printable ASCII
};
using Done = std::function<void(const Attempt&)>;

struct Mail {
  std::string sender, recipient;  // mailboxes without brackets
  std::string message;            // lines end with CRLF, 7 bit
};

// `done` comes exactly once, never from within send() or post(), or not at all once the transport
// is destroyed.
class MailTransport {
 public:
  virtual ~MailTransport() = default;
  virtual void send(Mail mail, Done done) = 0;
};

class PostTransport {
 public:
  virtual ~PostTransport() = default;
  virtual void post(const std::string& url, std::vector<std::uint8_t> gzip, Done done) = 0;
};

// Makes the mail of a report: signed, with the same octets whenever it is asked for the same (dates
// from `report.built_at`, Message-ID from its id).
class MessageSource {
 public:
  virtual ~MessageSource() = default;
  virtual Result<std::string> message(const store::ReportRow& report, Bytes gzip,
                                      const std::string& recipient) = 0;
};

}  // namespace mxw::reportd
