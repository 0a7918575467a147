// Complaints: what the log hears of knowledge that does not come: each feed that has been absent
// for a minute, and what could not be taken or kept since the last line; each at most once a
// minute. A feed that is back after it was missed is told, too. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "milter/knowledge.hpp"

namespace mxw::milter {

class Complaints {
 public:
  static constexpr std::int64_t kEvery = kMinute;

  // The lines for this moment (`now`: any monotonic clock, nanoseconds), most often none.
  [[nodiscard]] std::vector<std::string> of(const Knowledge::Numbers& numbers, std::int64_t now);

 private:
  struct Feed {
    std::optional<std::int64_t> since;  // when it was first seen absent
    std::optional<std::int64_t> told;   // the last line, while it is absent
  };
  struct Count {
    std::uint64_t told = 0;
    std::optional<std::int64_t> when;
  };

  std::array<Feed, 2> feeds_;
  std::array<Count, 4> counts_;
};

}  // namespace mxw::milter
