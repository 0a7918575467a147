// Knowledge: what callbacks ask, held in memory by a thread of its own (semantics 6, 7, 11).
//
// The thread follows policyd's feed and the sensor's, and reads the operator's files; callbacks
// read under a shared lock, which the thread takes alone for one row of a feed at a time, and to
// end a telling or to prune. Policyd's rows are kept in a cache file, so that a restart knows them
// at once; verdicts are short-lived and are not. Nothing here ever waits for policyd or the sensor:
// without them what was told holds to its own end, and all else is unknown.
//
// Every kTick the thread asks policyd to read the policy of each protected domain again whose
// routes a new verdict meets, and of each whose mail was just asked about and waits for that.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/base/result.hpp"
#include "milter/join.hpp"
#include "milter/lookup.hpp"

namespace mxw::milter {

class Knowledge final : public Lookup {
 public:
  static constexpr std::int64_t kTick = 500 * kMillisecond;   // semantics 7
  static constexpr std::int64_t kRereadAgain = 60 * kSecond;  // semantics 7: one takes at most so
  static constexpr std::int64_t kProbeEvery = 60 * kSecond;   // semantics 7
  // Semantics 12: a session's start by the sensor is its SYN; the MTA tells the milter after
  // postscreen and the lookup of the client's name. Addresses and ports are exact anyway.
  static constexpr std::int64_t kToldLate = 60 * kSecond;
  static constexpr std::int64_t kSessionSlack = 5 * kSecond;
  static constexpr std::size_t kHintsWaiting = 256;  // of 100/s and a turn of the loop
  // Domains under verdicts at the same time; what is over it waits for the next question, or
  // passes as a probe.
  static constexpr std::size_t kDomains = 10'000;

  struct Settings {
    std::string policyd_feed, policyd_ask, sensor_feed;  // sockets
    std::string cache_path, operator_dir;
    JoinSettings join;
    // What is to be logged about the operator's files; from the knowledge thread and start().
    std::function<void(const std::string& line)> on_operator_note;
    // For tests: wall(), and now() where `aging` is not there. Any thread calls them.
    std::function<Time()> clock, aging;
  };

  // For metrics and the log; any thread.
  struct Numbers {
    bool policyd = false, sensor = false, ask = false;  // connected
    bool operator_unread = false;  // the operator's folder, or its domain/, cannot be read
    bool told = false;             // policyd's rows are known, by its feed or by the cache file
    std::uint64_t domains = 0, policies = 0, verdicts = 0, brakes = 0;
    std::uint64_t refused = 0;    // rows and verdicts over a bound
    std::uint64_t skipped = 0;    // lines of the feeds that could not be taken
    std::uint64_t bad_files = 0;  // cache files that could not be taken
    std::uint64_t cache_failed = 0;
    std::uint64_t rereads = 0, hints = 0;  // sent
    std::uint64_t hints_dropped = 0;
  };

  explicit Knowledge(Settings settings);
  ~Knowledge() override;  // stop()
  Knowledge(const Knowledge&) = delete;
  Knowledge& operator=(const Knowledge&) = delete;

  // Reads cache and operator files in the caller's thread, then starts the thread. Lookups are good
  // from then on. Error (environment: no descriptors or threads; usage: a path is too long).
  Result<void> start();
  void stop();  // ends the thread and writes the cache; lookups go on with what was known

  void set_join(const JoinSettings& settings);  // any thread: a reload

  // Wall time as rows age by it (core/base/aging_clock.hpp); any thread. What callbacks take as
  // `now`.
  [[nodiscard]] Time now();
  // The system's wall time, also after a step: what rows of the sensor and the operator's files are
  // written in, and what is told. A verdict has ended when either clock says so.
  [[nodiscard]] Time wall() const;
  [[nodiscard]] Numbers numbers() const;

  [[nodiscard]] DomainPath path(std::string_view domain, Time now, bool hint) override;
  [[nodiscard]] std::optional<SessionVerdict> session(const Endpoint& client,
                                                      const Endpoint& server, Time start,
                                                      Time now) override;
  [[nodiscard]] bool sees_sessions() const override { return numbers().sensor; }
  [[nodiscard]] bool take_probe(std::string_view domain, Time now) override;

 private:
  class Thread;
  std::unique_ptr<Thread> thread_;
};

}  // namespace mxw::milter
