// Control: the operator's socket (semantics 6): what `mxwarden report` asks. One JSON object per
// packet; `{"v":1,"cmd":...}` gives `{"v":1,"ok":true,...}` or `{"v":1,"ok":false,"error":"..."}`.
// Days are `YYYY-MM-DD`, domains A-labels.
//
//   status                          what runs, what waits and why
//   days                            {days}: of each day what was counted and how its reports stand
//   list {day, after?}              {rows, more}: the reports of a day by domain
//   show {day, domain}              the row of a report, its deliveries, the record it goes by
//   domains {day, after?}           {domains, more}: what was counted on a day
//   text {what, day, domain, offset}  {size, body}: a piece of a text in base64; `what` is
//                                   `report` (stored), `build` (as it would be now, with `built`),
//                                   `fetcher` (libtlsrpt's fetcher, of one domain)
//   build {day}                     makes what is missing of a complete day
//   send {day, domain, dry_run?}    queues a report that was kept, or ended without acceptance
//   import {id, offset, size, body, dry_run?, quarantine?}  a piece of a report somebody sent; the
//   last one is
//                                   answered with what became of it
//   inbox {from, to, domain?}       {days, causes, reporters, quarantined}: reports of others
//
// One import has at most report::kInputBytes; kUploads at a time. Belongs to the loop's thread; all
// it is given outlives it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/json_writer.hpp"
#include "core/ipc/json_message.hpp"
#include "core/ipc/seqpacket_server.hpp"
#include "reportd/day_run.hpp"
#include "reportd/intake.hpp"

namespace mxw::reportd {

class Control {
 public:
  static constexpr std::size_t kRows = 100;        // of one answer
  static constexpr std::size_t kPiece = 32 << 10;  // octets of a text in one packet
  static constexpr std::size_t kUploads = 4;
  static constexpr std::int64_t kUploadTime = 1 * kMinute;  // since its last piece

  struct Parts {
    store::ReportStore& store;
    store::IntakeStore& intake_store;
    DayRun& days;
    Intake& intake;
    std::function<void(JsonWriter&)> status;  // adds members
    std::function<Time()> clock;
    bool send = false;  // our own delivery is on
    std::uint32_t tenant = 0;
  };
  explicit Control(Parts parts) : parts_(std::move(parts)) {}
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  [[nodiscard]] Result<void> listen(EventLoop& loop, int listen_fd, ipc::PeerCheck peers);

  // The answer to one message, once, perhaps later; public for tests: total on any octets.
  using Reply = std::function<void(std::string)>;
  void answer(std::string_view message, const Reply& reply);

 private:
  struct Upload {
    std::string octets;
    Time last;
  };

  [[nodiscard]] std::string days();
  [[nodiscard]] std::string list(const ipc::JsonMessage& message, store::Day day);
  [[nodiscard]] std::string domains(const ipc::JsonMessage& message, store::Day day);
  [[nodiscard]] std::string show(const store::ReportKey& key);
  [[nodiscard]] std::string text(const ipc::JsonMessage& message, const store::ReportKey& key);
  [[nodiscard]] std::string build(store::Day day);
  [[nodiscard]] std::string send(const ipc::JsonMessage& message, const store::ReportKey& key);
  [[nodiscard]] std::string inbox(const ipc::JsonMessage& message);
  void import(const ipc::JsonMessage& message, const Reply& reply);

  Parts parts_;
  std::map<std::string, Upload> uploads_;
  std::unique_ptr<ipc::SeqpacketServer> server_;
};

}  // namespace mxw::reportd
