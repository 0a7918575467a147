// Witness: what the engine tells, as log lines and counters. A damaged store ends the program: the
// service manager starts it again, and opening puts the damaged file aside.
#pragma once

#include <functional>
#include <string_view>

#include "core/service/metrics.hpp"
#include "policyd/observer.hpp"

namespace mxw::policyd {

class Witness final : public Observer {
 public:
  // `metrics` outlives this; `on_damage` is called once.
  Witness(service::Metrics& metrics, std::function<void()> on_damage);

  void on_event(const rows::EventRow& event) override;
  void on_store_error(const store::StoreError& error, std::string_view what,
                      std::string_view domain) override;
  void on_clock_step(std::int64_t by_ns) override;
  void on_clock_behind(Time newest_stored) override;

 private:
  service::Metrics& metrics_;
  std::function<void()> on_damage_;
  service::Counter& store_errors_;
  std::vector<service::Counter*> events_;  // by EventKind
};

}  // namespace mxw::policyd
