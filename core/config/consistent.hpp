// Settings that do not go together. Private to core/config.
#pragma once

#include "core/config/config.hpp"
#include "core/toml/table_reader.hpp"

namespace mxw::config {

// [tlsrpt] and [tlsrpt.send].
void check_tlsrpt(const toml::Node& document, const Tlsrpt& tlsrpt, toml::Problems& problems);

}  // namespace mxw::config
