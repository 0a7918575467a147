// How many reports of a day were tried, in all and per rua address. Learned from the ledger when a
// day is first asked about, so that a restart does not begin anew. Private to delivery.cpp.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "reportd/delivery.hpp"

namespace mxw::reportd {

class Delivery::Caps {
 public:
  explicit Caps(Ledger& ledger) : ledger_(ledger) {}

  struct DayCount {
    std::size_t reports = 0;
    std::unordered_map<std::string, std::size_t> addresses;  // by Rua::key
  };
  // Good until the next call. Error (environment) where the ledger cannot be read.
  [[nodiscard]] Result<DayCount*> day(std::uint32_t tenant, store::Day day);

 private:
  static constexpr std::size_t kDays = 8;  // kept; a report lives a day, and while sending waits
  static constexpr std::size_t kPage = 500;

  Result<void> learn(std::uint32_t tenant, store::Day day, DayCount& count);

  Ledger& ledger_;
  std::map<std::pair<store::Day, std::uint32_t>, DayCount> days_;
};

}  // namespace mxw::reportd
