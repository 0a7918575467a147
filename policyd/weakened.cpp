#include "policyd/weakened.hpp"

#include <algorithm>

namespace mxw::policyd {
namespace {

constexpr std::uint64_t kRatio = 10;  // rules/R23.toml: max_age_ratio 0.1
constexpr std::size_t kShown = 3;     // patterns named in the text

// Whether every host that `pattern` matches is matched by `patterns`.
bool covered(const std::string& pattern, const std::vector<std::string>& patterns) {
  if (std::ranges::find(patterns, pattern) != patterns.end()) return true;
  return !pattern.starts_with("*.") && policy::mx_matches(patterns, pattern);
}

void add(Difference& difference, const std::string& text) {
  if (!difference.text.empty()) difference.text += "; ";
  difference.text += text;
}

void compare_mx(const policy::StsPolicy& before, const policy::StsPolicy& after,
                Difference& difference) {
  std::vector<std::string> fresh;
  for (const std::string& pattern : after.mx) {
    if (!covered(pattern, before.mx)) fresh.push_back(pattern);
  }
  const bool fewer = std::ranges::any_of(
      before.mx, [&](const std::string& pattern) { return !covered(pattern, after.mx); });
  if (fresh.empty() && !fewer) return;
  if (fresh.empty()) return add(difference, "mx narrowed");
  // Towards mode none the list may be empty: the mode says it all.
  difference.weaker = true;
  std::string text = fresh.size() == after.mx.size() && fewer ? "mx disjoint:" : "mx widened:";
  for (std::size_t i = 0; i < std::min(fresh.size(), kShown); ++i) text += " " + fresh[i];
  if (fresh.size() > kShown) text += " and " + std::to_string(fresh.size() - kShown) + " more";
  add(difference, text);
}

}  // namespace

Difference compare_policies(const policy::StsPolicy& before, const policy::StsPolicy& after) {
  Difference difference;
  if (before.mode != after.mode) {
    add(difference, "mode " + std::string(policy::mode_name(before.mode)) + "->" +
                        std::string(policy::mode_name(after.mode)));
    difference.weaker = after.mode < before.mode;
  }
  if (before.max_age != after.max_age) {
    add(difference,
        "max_age " + std::to_string(before.max_age) + "->" + std::to_string(after.max_age));
    if (after.max_age < before.max_age / kRatio) difference.weaker = true;
  }
  compare_mx(before, after, difference);
  // Where nothing was protected, nothing can be weakened.
  if (before.mode == policy::Mode::none) difference.weaker = false;
  return difference;
}

}  // namespace mxw::policyd
