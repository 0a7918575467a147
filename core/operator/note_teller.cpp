#include "core/operator/note_teller.hpp"

#include <algorithm>

namespace mxw::operators {

std::vector<std::string> NoteTeller::due(const OperatorState::Notes& notes, std::int64_t now) {
  if (notes.texts == told_) return {};
  if (last_ && now - *last_ < kInterval) return {};
  std::vector<std::string> lines;
  for (const std::string& text : notes.texts)
    if (std::ranges::find(told_, text) == told_.end()) lines.push_back(text);
  if (notes.texts.empty()) lines.emplace_back("all is read and understood again");
  told_ = notes.texts;
  last_ = now;
  return lines;
}

}  // namespace mxw::operators
