// SensorFeed: takes the results of sensors from a SEQPACKET socket (semantics 8), one JSON object a
// packet, at most kSensorMessageBytes:
//
//   {"v":1, "sensor":NAME, "instance":TEXT, "seq":N, "time":RFC 3339, "egress_ip":IP,
//    "policy_domain":NAME, "policy":{"type":T, "strings":[..], "mx_host":[..]},
//    "final":"success"|"failure"|"undetermined",
//    "failure":{"result":TYPE, "reason":TEXT, "mx_host":NAME, "mx_ip":IP, "helo_name":NAME},
//    "session":ID, "basis":"rcpt"|"map", "candidates":N, "offered":O, "outcome":O}
//
// The last five members say what counting needs (semantics 1, 2); an event without them counts as
// undetermined. `seq` grows by one within an instance, which is one start of a sensor.
//
// Answer, after the commit: {"v":1,"instance":TEXT,"ack":N}: everything up to N is in the tallies
// and may be forgotten. Counts and the mark of the instance are one transaction, so what is sent
// again after a loss of either side is counted once: a seq that was taken is only acknowledged.
//
// One sensor per egress address: the first that feeds it, until it has disconnected; events of
// another one are acknowledged, not counted. A peer that sends no such object is cut off.
// One thread, the loop's, which outlives the writer.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/event_loop.hpp"
#include "core/base/result.hpp"
#include "core/ipc/peer.hpp"
#include "core/store/report_store.hpp"
#include "reportd/tally.hpp"
#include "reportd/tally_source.hpp"
#include "reportd/tally_writer.hpp"

namespace mxw::reportd {

inline constexpr std::size_t kSensorMessageBytes = 96 << 10;  // a policy of 64 KiB and its quotes
inline constexpr std::size_t kSensorUncommitted = 65'536;     // events; as a sensor keeps

// What a sensor knows of a session beside its result; words of semantics 1 and 2.
struct SensorFacts {
  std::string_view type;  // policy-type
  Final final = Final::undetermined;
  bool proved = false;           // a failure with a result type was told
  std::string_view basis;        // `rcpt`, `map`, or anything else
  std::uint64_t candidates = 0;  // of the map
  std::string_view offered;      // `yes`, `no`, `garbled`, `unknown`
  std::string_view outcome;      // `tls`, `plaintext`, ...
};

// How a sensor's event counts for a source of that mode (semantics 8); nullopt: not at all.
[[nodiscard]] std::optional<Final> sensor_final(SourceMode mode, const SensorFacts& facts);

class SensorFeed {
 public:
  struct Settings {
    std::uint32_t tenant = 0;
    std::vector<Source> sources;
    ipc::PeerCheck peers;
    std::function<Time()> clock;                               // wall clock, for the marks
    std::function<bool(std::string_view domain)> denied = {};  // Tally::Options::denied
  };

  struct Counters {
    std::uint64_t messages = 0, counted = 0;
    std::uint64_t undetermined = 0;  // counted as that
    std::uint64_t again = 0;         // seq taken before
    std::uint64_t repeated = 0;      // session, domain and policy counted before
    std::uint64_t missing = 0;       // seq that never came
    std::uint64_t garbage = 0;       // peers cut off
    std::uint64_t other_sensor = 0;  // egress address fed by another sensor
    std::uint64_t no_source = 0;     // egress address of no source
    std::uint64_t not_for_mode = 0;  // told by the mail server anyway
    std::uint64_t acks = 0;
  };

  // `listen_fd` (seqpacket) stays the caller's and outlives the feed, as do `store` (of the loop's
  // thread, for last_seq) and `writer`.
  static Result<std::unique_ptr<SensorFeed>> create(EventLoop& loop, int listen_fd,
                                                    Settings settings, store::ReportStore& store,
                                                    TallyWriter& writer);
  ~SensorFeed();
  SensorFeed(const SensorFeed&) = delete;
  SensorFeed& operator=(const SensorFeed&) = delete;

  void flush();  // as the timer does every second
  // Counts that go with the next commit: PolicyFailures::due().
  void add(std::vector<store::TallyAdd> counts);

  [[nodiscard]] const Counters& counters() const;

 private:
  SensorFeed();
  struct Work;
  std::unique_ptr<Work> work_;
};

}  // namespace mxw::reportd
