// Text from the wire on a terminal: printable ASCII as it is, every other octet as `\xhh`, so that
// no control character and no escape sequence of a stranger reaches the screen.
#pragma once

#include <string>
#include <string_view>

namespace mxw::sink {

[[nodiscard]] std::string printable(std::string_view text);

}  // namespace mxw::sink
