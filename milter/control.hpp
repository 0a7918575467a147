// Control: the operator's socket (semantics 6): what `mxwarden explain` and `mxwarden impact` ask
// the milter. One JSON object per packet; `{"v":1,"cmd":...}` gives `{"v":1,"ok":true,...}` or
// `{"v":1,"ok":false,"error":"..."}`.
//
//   status                         what runs and what was lost
//   explain {queue_id, at?}        {rows, cut, others, starts}: decisions for the newest mail of
//                                  that id, or the newest that had begun by then; mail servers use
//                                  ids again: how many other mails had it, and when they began,
//                                  newest first, kStarts at most
//   explain {domain, from?, to?}   decisions for a domain in [from, to), nanoseconds; without
//   `from`
//                                  the newest ones
//   impact {from?}                 {tally}: decisions by role, action, reason and dry_run since
//   then
//
// At most kRows rows, and what one answer holds; `cut`: there are more. A row has v, time (ns),
// session, queue_id, listener, role, domain, verdict_id, action, code, reason, dry_run, began (ns;
// 0: not known), rule. Belongs to the loop's thread; it reads the store by a connection of its own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/json_writer.hpp"
#include "core/ipc/json_message.hpp"
#include "core/ipc/seqpacket_server.hpp"
#include "core/store/milter_store.hpp"

namespace mxw::milter {

class Control {
 public:
  static constexpr std::size_t kRows = 100;     // of one answer
  static constexpr std::size_t kStarts = 20;    // the same
  static constexpr std::size_t kMails = 1'000;  // of one queue id are looked at, the newest

  using Status = std::function<void(JsonWriter&)>;  // adds members
  Control(std::string store_path, Status status, std::function<Time()> clock)
      : store_path_(std::move(store_path)), status_(std::move(status)), clock_(std::move(clock)) {}

  [[nodiscard]] Result<void> listen(EventLoop& loop, int listen_fd, ipc::PeerCheck peers);

  // The answer to one message; public for tests: total on any octets.
  [[nodiscard]] std::string answer(std::string_view message);

 private:
  [[nodiscard]] std::string explain_mail(store::MilterStore& store,
                                         const ipc::JsonMessage& message);
  [[nodiscard]] std::string explain_domain(store::MilterStore& store,
                                           const ipc::JsonMessage& message);
  [[nodiscard]] std::string impact(store::MilterStore& store, const ipc::JsonMessage& message);

  std::string store_path_;
  Status status_;
  std::function<Time()> clock_;
  std::unique_ptr<ipc::SeqpacketServer> server_;
};

}  // namespace mxw::milter
