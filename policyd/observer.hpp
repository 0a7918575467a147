// What the engine tells besides its answers: for logs, metrics and the stores it does not own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/rows/policy_rows.hpp"
#include "core/store/error.hpp"

namespace mxw::policyd {

// All calls come in the loop's thread, from within the engine: they must not call it back.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_event(const rows::EventRow& /*event*/) {}
  // `what`: the operation; `domain`: may be empty. The engine has gone on with what it holds.
  virtual void on_store_error(const store::StoreError& /*error*/, std::string_view /*what*/,
                              std::string_view /*domain*/) {}
  virtual void on_clock_step(std::int64_t /*by_ns*/) {}
  // At start the clock is more than an hour behind what is stored: nothing is pruned meanwhile.
  virtual void on_clock_behind(Time /*newest_stored*/) {}
};

// Where TLS-RPT records and re-reads go; connected to the store by whoever makes the engine.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual store::Result<void> put_tlsrpt(const rows::TlsrptRow& row) = 0;
  virtual store::Result<void> put_reread(const rows::RereadRow& row) = 0;
};

}  // namespace mxw::policyd
