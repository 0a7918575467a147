#include "reportd/ledger.hpp"

#include <utility>

namespace mxw::reportd {
namespace {

template <typename T>
Result<T> told(store::Result<T> result) {
  if (result) return std::move(*result);
  return fail(ErrorKind::environment, result.error().message);
}

}  // namespace

Result<std::vector<store::ReportRow>> StoreLedger::due(Time now, std::size_t limit) {
  return told(store_.due(now, limit));
}

Result<std::string> StoreLedger::rua_record(const store::ReportKey& key) {
  auto row = told(store_.rua(key));
  if (!row) return std::unexpected(std::move(row.error()));
  return *row ? std::move((*row)->record) : std::string();
}

Result<std::optional<std::vector<std::uint8_t>>> StoreLedger::report_bytes(
    const store::ReportKey& key) {
  return told(store_.report_bytes(key));
}

Result<std::vector<store::DeliveryRow>> StoreLedger::deliveries(const store::ReportKey& key) {
  return told(store_.deliveries(key));
}

Result<std::vector<store::ReportRow>> StoreLedger::reports(std::uint32_t tenant, store::Day day,
                                                           std::string_view after,
                                                           std::size_t limit) {
  return told(store_.reports(tenant, day, after, limit));
}

Result<bool> StoreLedger::move_report(const store::ReportRow& row, store::ReportState from,
                                      const store::DeliveryRow* delivery) {
  return told(store_.move_report(row, from, delivery));
}

Result<bool> StoreLedger::suppressed(std::uint32_t tenant, std::string_view address, Time now) {
  const auto row = told(store_.suppression(tenant, address, now));
  if (!row) return std::unexpected(row.error());
  return row->has_value();
}

Result<std::size_t> StoreLedger::resume(Time now) {
  return told(store_.resume(now));
}

}  // namespace mxw::reportd
