#include "cli/operator_read.hpp"

#include "cli/complain.hpp"
#include "cli/settings.hpp"
#include "cli/wrap.hpp"
#include "core/operator/read.hpp"

namespace mxw::cli {

OperatorRead read_operator(const Given& given, Time now) {
  const auto dir = operator_dir(given);
  if (!dir) {
    warn("brakes and pins are not known: " + dir.error().message);
    return {std::make_shared<const operators::OperatorState>(), false};
  }
  OperatorRead read{operators::read_operator_state(*dir, now), true};
  if (read.state->notes().unread()) {
    warn("brakes and pins are not known: " + *dir + ": " +
         printable(read.state->notes().texts.front()) +
         "; see its owner and mode, or run this as root");
    read.ok = false;
  }
  return read;
}

}  // namespace mxw::cli
