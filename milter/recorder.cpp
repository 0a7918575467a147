#include "milter/recorder.hpp"

#include <array>

namespace mxw::milter {
namespace {

constexpr std::array<std::string_view, 8> kStages = {
    "connect", "helo", "mail", "rcpt", "data", "header", "end-of-message", "abort"};

}  // namespace

std::string_view name(Stage stage) {
  return kStages.at(static_cast<std::size_t>(stage));
}

}  // namespace mxw::milter
