// The closed vocabularies of what is said about a report of somebody else: a Deviation is a way in
// which a report that was read differs from RFC 8460, a Refusal the reason why none was read.
// docs/deviations.md lists both; the words and meanings stand in deviation.def and refusal.def.
// Thread-safe.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mxw::report {

enum class Deviation : std::uint8_t {
#define MXW_DEVIATION(name, word, meaning) name,
#include "core/report/deviation.def"
#undef MXW_DEVIATION
  count_  // how many there are
};

enum class Refusal : std::uint8_t {
#define MXW_REFUSAL(name, word, meaning) name,
#include "core/report/refusal.def"
#undef MXW_REFUSAL
  count_
};

[[nodiscard]] std::string_view word(Deviation deviation);
[[nodiscard]] std::string_view word(Refusal refusal);
[[nodiscard]] std::string_view meaning(Deviation deviation);
[[nodiscard]] std::string_view meaning(Refusal refusal);
[[nodiscard]] std::optional<Deviation> deviation_of(std::string_view word);

// A set, in the order of the vocabulary.
class Deviations {
 public:
  void add(Deviation deviation) { bits_.set(static_cast<std::size_t>(deviation)); }
  void add(const Deviations& others) { bits_ |= others.bits_; }
  [[nodiscard]] bool has(Deviation deviation) const {
    return bits_.test(static_cast<std::size_t>(deviation));
  }
  [[nodiscard]] bool empty() const { return bits_.none(); }
  [[nodiscard]] std::vector<Deviation> list() const;
  [[nodiscard]] std::string text() const;  // words with a blank between them

  friend bool operator==(const Deviations&, const Deviations&) = default;

 private:
  std::bitset<static_cast<std::size_t>(Deviation::count_)> bits_;
};

}  // namespace mxw::report
