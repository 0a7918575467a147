// The writes of the sensor's longer memory: daily counters, levels, DNS names. Private to
// core/store.
#pragma once

#include "core/store/sensor_store.hpp"
#include "core/store/transaction.hpp"

namespace mxw::store {

[[nodiscard]] bool memory_too_large(const SensorStore::Batch& batch);
void write_memory(Transaction& transaction, const SensorStore::Batch& batch);

}  // namespace mxw::store
