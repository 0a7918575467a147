// The schema of reportd's store. Private to core/store.
#pragma once

#include "core/store/sqlite.hpp"

namespace mxw::store {

[[nodiscard]] const Schema& report_schema();

}  // namespace mxw::store
