// A store with reports, transports that answer when the test says so, and a clock that stands.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "reportd/delivery.hpp"
#include "tests/unit/store_support.hpp"

namespace mxw::reportd::test {

using store::ReportState;
using store::value_of;

inline constexpr store::Day kReportDay = 20'775;  // 2026-11-18
inline constexpr Time kDayEnd{(kReportDay + 1LL) * kDay};

// In memory where there is room: these tests are not about disks.
inline std::string fast_folder() {
  return std::filesystem::exists("/dev/shm") ? "/dev/shm" : "";
}

inline store::ReportKey key_of(const std::string& domain) {
  return {.tenant = 0, .day = kReportDay, .domain = domain};
}

inline store::ReportRow queued(const std::string& domain, Time due = kDayEnd) {
  return {.key = key_of(domain),
          .origin = "host-a",
          .report_id = "20261118." + domain + ".0a1b2c3d@reports.example.net",
          .state = ReportState::queued,
          .built_at = kDayEnd,
          .next_at = due,
          .first_at = std::nullopt,
          .tries = 0,
          .uri = "",
          .detail = "",
          .ended_at = std::nullopt};
}

inline void put_report(store::ReportStore& store, const store::ReportRow& row,
                       const std::string& record) {
  if (!record.empty()) {
    value_of(store.put_rua({.tenant = row.key.tenant,
                            .origin = row.origin,
                            .day = row.key.day,
                            .domain = row.key.domain,
                            .record = record,
                            .seen = kDayEnd - kHour}));
  }
  EXPECT_TRUE(value_of(store.put_report(row, as_bytes("gzip of " + row.key.domain))));
}

inline ReturnPath return_path() {
  return ReturnPath({.prefix = "tlsrpt-bounce", .domain = "reports.example.net", .key = {1, 2, 3}});
}

// The same octets for the same report and recipient.
class PlainSource final : public MessageSource {
 public:
  Result<std::string> message(const store::ReportRow& report, Bytes gzip,
                              const std::string& recipient) override {
    if (broken) return fail(ErrorKind::environment, "no key to sign with");
    return "Message-ID: <" + report.report_id + ">\r\nTo: <" + recipient + ">\r\n\r\n" +
           std::string(as_text(gzip)) + "\r\n";
  }
  bool broken = false;
};

struct Sent {
  std::string to;  // recipient or URL
  std::string content, sender;
  Done done;
};

class HeldMail final : public MailTransport {
 public:
  explicit HeldMail(std::deque<Sent>& out) : out_(out) {}
  void send(Mail mail, Done done) override {
    out_.push_back({.to = mail.recipient,
                    .content = mail.message,
                    .sender = mail.sender,
                    .done = std::move(done)});
  }

 private:
  std::deque<Sent>& out_;
};

class HeldPost final : public PostTransport {
 public:
  explicit HeldPost(std::deque<Sent>& out) : out_(out) {}
  void post(const std::string& url, std::vector<std::uint8_t> gzip, Done done) override {
    out_.push_back(
        {.to = url, .content = std::string(as_text(gzip)), .sender = "", .done = std::move(done)});
  }

 private:
  std::deque<Sent>& out_;
};

}  // namespace mxw::reportd::test
