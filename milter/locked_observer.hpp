// LockedObserver: an Observer whose calls reach another one under a lock that readers share. The
// lock is held for one call: readers get in between the rows of a long telling.
#pragma once

#include <mutex>
#include <shared_mutex>

#include "core/feed/observer.hpp"

namespace mxw::milter {

class LockedObserver final : public feed::Observer {
 public:
  // Both outlive it.
  LockedObserver(std::shared_mutex& mutex, feed::Observer& inner) : mutex_(mutex), inner_(inner) {}

  void on_reset() override {
    const std::unique_lock lock(mutex_);
    inner_.on_reset();
  }
  void on_change(const rows::Change& change) override {
    const std::unique_lock lock(mutex_);
    inner_.on_change(change);
  }
  void on_end(rows::Sequence head) override {
    const std::unique_lock lock(mutex_);
    inner_.on_end(head);
  }
  void on_batch() override {
    const std::unique_lock lock(mutex_);
    inner_.on_batch();
  }
  void on_state(bool connected) override {
    const std::unique_lock lock(mutex_);
    inner_.on_state(connected);
  }

 private:
  std::shared_mutex& mutex_;
  feed::Observer& inner_;
};

}  // namespace mxw::milter
