// Wanted: whose policy policyd is to read again, and when it was asked to last. Bounded: what finds
// no room is asked for by the next question about it. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace mxw::milter {

class Wanted {
 public:
  Wanted(std::size_t bound, std::int64_t again_ns) : bound_(bound), again_(again_ns) {}

  void add(std::string_view domain);
  // Calls send(domain) for each that is wanted and was not asked for within `again_ns`; one that
  // gives false is kept for the next time.
  template <typename Send>
  void each(std::int64_t now_ns, Send send) {
    for (auto at = domains_.begin(); at != domains_.end();) {
      Place& place = at->second;
      const bool rested = place.sent == 0 || now_ns - place.sent >= again_;
      if (place.wanted && rested && send(at->first)) {
        place.wanted = false;
        place.sent = now_ns;
      }
      const bool over = !place.wanted && now_ns - place.sent >= again_;
      at = over ? domains_.erase(at) : std::next(at);
    }
  }
  [[nodiscard]] std::size_t size() const { return domains_.size(); }

 private:
  struct Place {
    bool wanted = true;
    std::int64_t sent = 0;  // the loop's clock; 0: never
  };
  std::size_t bound_;
  std::int64_t again_;
  std::map<std::string, Place, std::less<>> domains_;
};

}  // namespace mxw::milter
