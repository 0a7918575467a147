// The map program: sockets, table, server and knowledge put together.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/base/aging_clock.hpp"
#include "core/base/fd.hpp"
#include "core/service/daemon.hpp"
#include "map/ask_client.hpp"
#include "map/knowledge.hpp"
#include "map/server.hpp"

namespace mxw::map {

class ProgramMetrics;

class Program {
 public:
  Program();
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // Listens on the sockets the service manager holds, or makes those of the configuration; reads
  // what was known at the last end; serves from then on.
  Result<void> start(service::Context& context);
  void reload(const config::Config& config);
  // Answers what is asked; `done` follows from the loop, well within service::kQuitTime.
  void quit(std::function<void()> done);
  void stop();

 private:
  Result<void> open_sockets(service::Context& context);
  void take(std::vector<Knowledge::Row> rows);
  void on_minute();
  void on_second();
  void record();

  AgingClock clock_;
  StepWatch step_;
  std::vector<Fd> listeners_;
  std::unique_ptr<MapNames> names_;
  std::unique_ptr<Table> table_;
  std::unique_ptr<AskClient> asker_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Knowledge> knowledge_;
  std::unique_ptr<ProgramMetrics> metrics_;
  std::unique_ptr<Tally> spare_;
  std::unique_ptr<Timer> minute_, second_;
  Time minute_began_;
  std::uint64_t refused_rows_ = 0;
  bool told_step_ = false;
};

}  // namespace mxw::map
