#include "milter/text.hpp"

namespace mxw::milter {

std::string printable(std::string_view text, std::size_t most) {
  std::string out;
  for (const char c : text) {
    if (out.size() == most) break;
    if (c >= ' ' && c <= '~') out += c;
  }
  return out;
}

}  // namespace mxw::milter
