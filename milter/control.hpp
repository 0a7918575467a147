// Control: the operator's socket (semantics 6): what `mxwarden explain` and `mxwarden impact` ask
// the milter. One JSON object per packet; `{"v":1,"cmd":...}` gives `{"v":1,"ok":true,...}` or
// `{"v":1,"ok":false,"error":"..."}`.
//
//   status                         what runs and what was lost
//   explain {queue_id}             {rows, cut}: its decisions, oldest first
//   explain {domain, from?, to?}   decisions for a domain in [from, to), nanoseconds; without
//   `from`
//                                  the newest ones
//   impact {from?}                 {tally}: decisions by role, action, reason and dry_run since
//   then
//
// At most kRows rows; `cut`: there are more. A row has v, time (ns), session, queue_id, listener,
// role, domain, verdict_id, action, code, reason, dry_run. Belongs to the loop's thread; it reads
// the store by a connection of its own.
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
  static constexpr std::size_t kRows = 100;  // of one answer

  using Status = std::function<void(JsonWriter&)>;  // adds members
  Control(std::string store_path, Status status, std::function<Time()> clock)
      : store_path_(std::move(store_path)), status_(std::move(status)), clock_(std::move(clock)) {}

  [[nodiscard]] Result<void> listen(EventLoop& loop, int listen_fd, ipc::PeerCheck peers);

  // The answer to one message; public for tests: total on any octets.
  [[nodiscard]] std::string answer(std::string_view message);

 private:
  [[nodiscard]] std::string explain(store::MilterStore& store, const ipc::JsonMessage& message);
  [[nodiscard]] std::string impact(store::MilterStore& store, const ipc::JsonMessage& message);

  std::string store_path_;
  Status status_;
  std::function<Time()> clock_;
  std::unique_ptr<ipc::SeqpacketServer> server_;
};

}  // namespace mxw::milter
