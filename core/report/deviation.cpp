#include "core/report/deviation.hpp"

#include <array>

namespace mxw::report {
namespace {

struct Entry {
  std::string_view word, meaning;
};

constexpr std::array<Entry, static_cast<std::size_t>(Deviation::count_)> kDeviations = {{
#define MXW_DEVIATION(name, word, meaning) {word, meaning},
#include "core/report/deviation.def"
#undef MXW_DEVIATION
}};

constexpr std::array<Entry, static_cast<std::size_t>(Refusal::count_)> kRefusals = {{
#define MXW_REFUSAL(name, word, meaning) {word, meaning},
#include "core/report/refusal.def"
#undef MXW_REFUSAL
}};

}  // namespace

std::string_view word(Deviation deviation) {
  return kDeviations.at(static_cast<std::size_t>(deviation)).word;
}
std::string_view word(Refusal refusal) {
  return kRefusals.at(static_cast<std::size_t>(refusal)).word;
}
std::string_view meaning(Deviation deviation) {
  return kDeviations.at(static_cast<std::size_t>(deviation)).meaning;
}
std::string_view meaning(Refusal refusal) {
  return kRefusals.at(static_cast<std::size_t>(refusal)).meaning;
}

std::optional<Deviation> deviation_of(std::string_view word) {
  for (std::size_t i = 0; i < kDeviations.size(); ++i)
    if (kDeviations[i].word == word) return static_cast<Deviation>(i);
  return std::nullopt;
}

std::vector<Deviation> Deviations::list() const {
  std::vector<Deviation> all;
  for (std::size_t i = 0; i < bits_.size(); ++i)
    if (bits_.test(i)) all.push_back(static_cast<Deviation>(i));
  return all;
}

std::string Deviations::text() const {
  std::string text;
  for (const Deviation deviation : list()) {
    if (!text.empty()) text += ' ';
    text += word(deviation);
  }
  return text;
}

}  // namespace mxw::report
