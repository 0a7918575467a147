// The DOMAIN of a verb.
#pragma once

#include <string>

#include "cli/options.hpp"
#include "core/base/result.hpp"

namespace mxw::cli {

// The first operand as a lower-case A-label. Error (usage) when it is no domain name.
[[nodiscard]] Result<std::string> domain_operand(const Given& given);

}  // namespace mxw::cli
