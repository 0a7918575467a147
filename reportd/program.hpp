// The reportd program: store, collecting, building, delivery, intake and sockets put together.
//
// Datagrams are taken in a thread of their own and counts are written in another; all the rest is
// the loop's. What is missing of policyd or of the MTA is logged and waited for: collecting goes
// on.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/event_loop.hpp"
#include "core/base/fd.hpp"
#include "core/feed/feed_reader.hpp"
#include "core/feed/lookup_client.hpp"
#include "core/service/daemon.hpp"
#include "net/https/poster.hpp"
#include "reportd/collector.hpp"
#include "reportd/control.hpp"
#include "reportd/day_run.hpp"
#include "reportd/delivery.hpp"
#include "reportd/failure_feed.hpp"
#include "reportd/https_post.hpp"
#include "reportd/intake.hpp"
#include "reportd/lmtp.hpp"
#include "reportd/report_mail.hpp"
#include "reportd/sensor_feed.hpp"
#include "reportd/smtp_client.hpp"
#include "reportd/suppression.hpp"
#include "reportd/tally_writer.hpp"

namespace mxw::reportd {

class Program {
 public:
  Program();
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // Error: usage (settings, keys), environment (the store, sockets).
  Result<void> start(service::Context& context);
  void reload(const config::Config& config);
  void stop();

 private:
  Result<void> open_store();
  Result<void> start_collecting(service::Context& context);
  Result<void> start_asking(service::Context& context);
  Result<void> start_building(service::Context& context);
  Result<void> start_delivery(service::Context& context);
  Result<void> start_lmtp(service::Context& context);
  Result<void> start_control(service::Context& context);
  void add_metrics(service::Metrics& metrics);
  void add_intake_metrics(service::Metrics& metrics);
  void status(JsonWriter& json) const;
  [[nodiscard]] std::vector<LmtpVerdict> take(const LmtpMail& mail);

  void on_second();
  void on_minute();
  void on_hour();
  void check_keys();
  void go_on_building();
  void prune();

  std::string state_folder_;
  Fd lock_, feed_fd_, control_fd_, lmtp_fd_;
  bool send_ = false;
  std::unique_ptr<store::ReportStore> store_;
  std::unique_ptr<store::IntakeStore> intake_store_;
  std::unique_ptr<PolicyFailures> failures_;
  std::unique_ptr<TallyWriter> writer_;
  std::unique_ptr<CollectorThread> collector_;
  std::unique_ptr<SensorFeed> sensors_;
  std::unique_ptr<DayRun> days_;
  std::unique_ptr<ReportMail> mail_;
  std::unique_ptr<KeyCheck> keys_;
  std::unique_ptr<Intake> intake_;
  std::unique_ptr<ReturnPath> return_path_;
  std::unique_ptr<Suppression> suppression_;
  std::unique_ptr<FailureFeed> failure_feed_;
  std::unique_ptr<feed::LookupClient> lookups_;
  std::unique_ptr<feed::FeedReader> policyd_;
  std::unique_ptr<SmtpClient> smtp_;
  std::unique_ptr<https::Poster> poster_;
  std::unique_ptr<HttpsPost> https_;
  std::unique_ptr<StoreLedger> ledger_;
  std::unique_ptr<Delivery> delivery_;
  std::unique_ptr<LmtpServer> lmtp_;
  std::unique_ptr<Control> control_;
  std::unique_ptr<Timer> second_, minute_, hour_, slice_;
  std::uint64_t ignored_mails_ = 0;
  bool prune_due_ = true;
  unsigned until_key_check_ = 0;  // seconds, while sending waits
};

}  // namespace mxw::reportd
