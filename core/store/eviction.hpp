// Which domains leave a full store: shared by both policy stores, private to core/store.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/store/policy_store.hpp"

namespace mxw::store {

// Takes candidates in the order they should go and keeps as many as are needed. Pinned ones wait
// until all others have been seen.
class Eviction {
 public:
  struct Victim {
    std::uint32_t tenant = 0;
    std::string name;
    std::size_t bytes = 0;  // of its current policy
  };

  Eviction(std::size_t rows, std::size_t bytes, std::size_t most, const Pinned& pinned)
      : rows_(rows), bytes_(bytes), most_(most), pinned_(pinned) {}

  // No further candidate is wanted.
  [[nodiscard]] bool full() const { return met() || victims_.size() >= most_; }
  void offer(Victim victim) {
    if (pinned_.contains({victim.tenant, victim.name}))
      waiting_.push_back(std::move(victim));
    else if (!full())
      add(std::move(victim));
  }
  [[nodiscard]] std::vector<Victim> finish() {
    for (Victim& victim : waiting_) {
      if (!full()) add(std::move(victim));
    }
    cut_ = !met() && victims_.size() >= most_;
    return std::move(victims_);
  }
  // After finish(): more must go than one call may take. What only others could meet is no reason.
  [[nodiscard]] bool more() const { return cut_; }

 private:
  [[nodiscard]] bool met() const { return rows_ == 0 && bytes_ == 0; }
  void add(Victim victim) {
    if (rows_ > 0) --rows_;
    bytes_ -= std::min(bytes_, victim.bytes);
    victims_.push_back(std::move(victim));
  }

  std::size_t rows_, bytes_, most_;
  const Pinned& pinned_;
  std::vector<Victim> victims_, waiting_;
  bool cut_ = false;
};

[[nodiscard]] inline std::size_t excess(std::size_t have, std::size_t bound) {
  return have > bound ? have - bound : 0;
}

}  // namespace mxw::store
