// Knowledge: the thread that holds what policyd feeds and what the operator said, and hands it to
// the serving thread as compiled rows.
//
// The serving thread never reads or writes a file; this one does: the cache of the feed (so that a
// restart answers at once, also with policyd down), the operator's files, answers.ndjson. Rows go
// over in batches of kBatch, the next when the last was taken, so that a feed told anew never holds
// up a hot answer for longer than one batch. What the operator said goes before all other rows.
//
// Created, started and destroyed in the serving thread. Methods say whose thread they are for.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/event_loop.hpp"
#include "core/base/result.hpp"
#include "core/service/metrics.hpp"
#include "map/aggregate.hpp"
#include "map/answer.hpp"

namespace mxw::map {

class Knowledge {
 public:
  static constexpr std::size_t kBatch = 256;  // rows: well below a millisecond in the table

  struct Settings {
    std::string feed_socket, cache_path, answers_path, operator_dir;
    std::int64_t cache_interval = kMinute;  // between two writings of the cache
    Options options;
    // The metrics are served from this thread; an empty path: not at all.
    std::string metrics_socket;
    const service::Metrics* metrics = nullptr;  // outlives it
  };
  struct Row {
    std::string domain;
    Compiled facts;
    bool gone = false;  // nothing is known of it any more
  };
  struct Callbacks {  // serving thread
    std::function<void(std::vector<Row>)> rows;
    std::function<void(bool off)> off;  // `mxwarden enforcement off`
  };
  // Read by the metrics; any thread.
  struct Numbers {
    std::uint64_t domains = 0, policies = 0, brakes = 0, refused = 0, bad_files = 0;
    std::uint64_t refills = 0;  // times all was asked for again because rows had been refused
    std::uint64_t cache_written = 0, cache_failed = 0, answers_written = 0, answers_dropped = 0;
    bool connected = false, off = false;
    bool operator_unread = false;  // the operator's folder, or its domain/, cannot be read
  };

  // `serving` and `names` outlive it.
  Knowledge(EventLoop& serving, const MapNames& names, Settings settings, Callbacks callbacks);
  ~Knowledge();  // stop()
  Knowledge(const Knowledge&) = delete;
  Knowledge& operator=(const Knowledge&) = delete;

  // Reads cache and operator files in the caller's thread, gives all rows to Callbacks::rows before
  // it returns, then starts the thread. Error (environment): no descriptors or threads.
  Result<void> start();
  // Ends the thread; the cache is written a last time.
  void stop();

  // Serving thread.
  void set_options(const Options& options);  // all rows are compiled anew
  void record(std::unique_ptr<Tally> tally, Span span);

  [[nodiscard]] Numbers numbers() const;

 private:
  class Thread;

  std::unique_ptr<Thread> thread_;
};

}  // namespace mxw::map
