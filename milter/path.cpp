#include "milter/path.hpp"

#include <array>

namespace mxw::milter {
namespace {

constexpr std::array<std::string_view, 8> kStates = {
    "unknown", "unprotected", "clear", "partial", "no-route", "reread", "blocked", "probing"};

}  // namespace

std::string_view name(PathState state) {
  return kStates.at(static_cast<std::size_t>(state));
}

}  // namespace mxw::milter
