// Tally: what was answered in one minute, counted by the serving thread into memory taken at the
// start. Entries are (domain, map, answer); what does not fit is counted in one bucket without
// domain. One thread at a time: the serving thread counts, hands the tally over and goes on with a
// clean one; nothing in it is shared.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "core/base/time.hpp"
#include "map/answer.hpp"
#include "map/limits.hpp"

namespace mxw::map {

class Tally {
 public:
  struct Line {
    std::string_view domain;  // empty: no domain, or those that did not fit
    std::size_t map = 0;      // index of MapNames; kNoMap when the name is not configured
    KeyKind kind = KeyKind::domain;
    Answer answer;       // without reply
    bool other = false;  // did not fit: only the count is true
    std::uint64_t count = 0;
  };
  static constexpr std::size_t kNoMap = 255;

  explicit Tally(std::size_t max_entries = limits::kTallyEntries,
                 std::size_t max_name_bytes = limits::kTallyNameBytes);

  // `hash` is the keyed hash of the domain, which stands for it: two domains of one hash, less than
  // one chance in 2^30 a minute, are counted as the first.
  void count(std::string_view domain, std::uint64_t hash, std::size_t map, KeyKind kind,
             const Answer& answer);
  void for_each(const std::function<void(const Line&)>& visit) const;
  void clear();

  [[nodiscard]] bool empty() const { return used_.empty() && overflow_ == 0; }
  [[nodiscard]] std::uint64_t overflow() const { return overflow_; }

 private:
  struct Entry {
    std::uint64_t hash = 0;
    std::uint64_t count = 0;  // 0 = free
    std::uint32_t name_at = 0;
    std::uint8_t name_size = 0;
    std::uint8_t map = 0, kind = 0;
    std::uint8_t words = 0;  // said, would_be
    std::uint8_t basis = 0, held = 0;
  };

  [[nodiscard]] static std::uint64_t key_of(std::uint64_t hash, const Entry& entry);
  bool keep(Entry& place, std::string_view domain, const Entry& entry);
  [[nodiscard]] Line line_of(const Entry& entry) const;

  std::size_t max_entries_, max_name_bytes_;
  std::uint64_t overflow_ = 0;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> used_;
  std::vector<char> names_;
};

}  // namespace mxw::map
