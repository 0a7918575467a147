// Collector: takes the datagrams of mail servers (libtlsrpt, one per session) from the unix sockets
// of the sources and counts them; once a second the counts go to the TallyWriter.
//
// A sender never waits (MSG_DONTWAIT): what does not fit into the queue of the socket is lost there
// and only the sender knows. The queue holds net.unix.max_dgram_qlen datagrams, fixed when the
// socket is made; so the collector drains in a thread of its own, and warns when that is below
// kQlenWarning. Nothing that comes in is fatal: garbage, cut or foreign datagrams are counted.
//
// Peers: the kernel says who sent each datagram (SO_PASSCRED); who is not allowed is counted and
// passed over. Attribution: by the socket it came by; its time is receipt.
//
// Collector: one thread, the loop's; CollectorThread has its own loop. Errors: environment (socket,
// path) at create().
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/event_loop.hpp"
#include "core/base/result.hpp"
#include "core/base/time.hpp"
#include "core/ipc/peer.hpp"
#include "reportd/datagram.hpp"
#include "reportd/tally.hpp"
#include "reportd/tally_source.hpp"
#include "reportd/tally_writer.hpp"

namespace mxw::reportd {

inline constexpr int kQlenWarning = 512, kQlenShipped = 4'096;  // packaging/sysctl.d
inline constexpr std::int64_t kCommitEvery = 1 * kSecond;

struct CollectorSettings {
  std::uint32_t tenant = 0;
  std::vector<Source> sources;  // those that take datagrams are listened for
  mode_t socket_mode = 0660;
  std::optional<gid_t> socket_group;
  ipc::PeerCheck peers;          // from_names({"postfix"}, ...); root is always allowed
  int receive_buffer = 4 << 20;  // SO_RCVBUF, as far as rmem_max goes
  std::string qlen_file = "/proc/sys/net/unix/max_dgram_qlen";
};

struct CollectorCounters {
  std::uint64_t datagrams = 0;                         // all that came
  std::uint64_t counted = 0;                           // became events
  std::uint64_t truncated = 0;                         // MSG_TRUNC
  std::uint64_t foreign = 0;                           // sender not allowed
  std::array<std::uint64_t, kGarbageWords> garbage{};  // by Garbage
  std::uint64_t receive_errors = 0;
  Tally::Counters tally;

  [[nodiscard]] std::uint64_t garbage_total() const;
};

class Collector {
 public:
  using Clock = std::function<Time()>;  // wall clock

  // The writer outlives the collector.
  static Result<std::unique_ptr<Collector>> create(EventLoop& loop, CollectorSettings settings,
                                                   TallyWriter& writer, Clock clock);
  ~Collector();  // takes what is in the sockets, hands all over
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  // As the timer does every second: what was counted goes to the writer, if that is ready.
  void flush();

  [[nodiscard]] const CollectorCounters& counters() const;
  // Sentences for the log about the start: a short queue, a mode, a user that is not there.
  [[nodiscard]] const std::vector<std::string>& notes() const;
  [[nodiscard]] std::optional<int> qlen() const;  // when the sockets were made

 private:
  Collector();
  struct Work;
  std::unique_ptr<Work> work_;
};

// A Collector and its loop in a thread. The sockets stand when start() returns. Destroy it before
// the writer.
class CollectorThread {
 public:
  static Result<std::unique_ptr<CollectorThread>> start(CollectorSettings settings,
                                                        TallyWriter& writer,
                                                        Collector::Clock clock);
  ~CollectorThread();
  CollectorThread(const CollectorThread&) = delete;
  CollectorThread& operator=(const CollectorThread&) = delete;

  // As of the last second; from any thread.
  [[nodiscard]] CollectorCounters counters() const;
  [[nodiscard]] const std::vector<std::string>& notes() const;
  [[nodiscard]] std::optional<int> qlen() const;

 private:
  CollectorThread();
  struct Work;
  std::unique_ptr<Work> work_;
};

}  // namespace mxw::reportd
