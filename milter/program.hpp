// The milter program: settings, knowledge, what is kept, and libmilter's side put together.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include "core/base/event_loop.hpp"
#include "core/base/fd.hpp"
#include "core/service/daemon.hpp"
#include "milter/breaker.hpp"
#include "milter/control.hpp"
#include "milter/deferrals.hpp"
#include "milter/filter.hpp"
#include "milter/knowledge.hpp"
#include "milter/queue_recorder.hpp"
#include "milter/record_writer.hpp"
#include "milter/settings.hpp"

namespace mxw::milter {

class Program {
 public:
  Program();
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // Error: the settings, the socket, another process with the same folder. What is missing of disk
  // or knowledge is logged, and mail flows without.
  Result<void> start(service::Context& context);
  void reload(const config::Config& config);
  void stop();

 private:
  struct Numbers;

  [[nodiscard]] Result<void> lock(const std::string& folder);
  [[nodiscard]] Result<void> start_knowledge(service::Context& context);
  void start_deferrals(const std::string& folder);
  [[nodiscard]] Result<void> open_filter(service::Context& context);
  void try_control(service::Context& context);
  [[nodiscard]] Result<void> open_control(service::Context& context);
  [[nodiscard]] std::shared_ptr<const Settings> settings() const;
  void set_settings(std::shared_ptr<const Settings> settings);
  void add_metrics(service::Metrics& metrics);
  void add_knowledge_metrics(service::Metrics& metrics);
  void status(JsonWriter& json) const;

  mutable std::mutex mutex_;
  std::shared_ptr<const Settings> settings_;
  std::atomic<std::uint64_t> next_session_;

  Fd lock_, control_fd_;
  std::unique_ptr<Knowledge> knowledge_;
  std::unique_ptr<RecordWriter> writer_;
  std::unique_ptr<QueueRecorder> recorder_;
  std::unique_ptr<Breaker> breaker_;
  Deferrals deferrals_;
  std::unique_ptr<Filter> filter_;
  std::unique_ptr<Control> control_;
  std::unique_ptr<Timer> control_retry_;  // while there is no control socket
  service::Histogram *rcpt_time_ = nullptr, *end_time_ = nullptr;
  std::thread serving_;
};

}  // namespace mxw::milter
