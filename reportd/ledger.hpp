// What Delivery needs of the store: a seam, so that tests can stop the process before and after
// each call. StoreLedger is the only other one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/store/report_store.hpp"

namespace mxw::reportd {

class Ledger {
 public:
  virtual ~Ledger() = default;
  // As ReportStore has them.
  virtual Result<std::vector<store::ReportRow>> due(Time now, std::size_t limit) = 0;
  virtual Result<std::string> rua_record(const store::ReportKey& key) = 0;  // empty: none
  virtual Result<std::optional<std::vector<std::uint8_t>>> report_bytes(
      const store::ReportKey& key) = 0;
  virtual Result<std::vector<store::DeliveryRow>> deliveries(const store::ReportKey& key) = 0;
  virtual Result<std::vector<store::ReportRow>> reports(std::uint32_t tenant, store::Day day,
                                                        std::string_view after,
                                                        std::size_t limit) = 0;
  virtual Result<bool> move_report(const store::ReportRow& row, store::ReportState from,
                                   const store::DeliveryRow* delivery) = 0;
  virtual Result<bool> suppressed(std::uint32_t tenant, std::string_view address, Time now) = 0;
  virtual Result<std::size_t> resume(Time now) = 0;
};

class StoreLedger final : public Ledger {
 public:
  explicit StoreLedger(store::ReportStore& store) : store_(store) {}  // must outlive this

  Result<std::vector<store::ReportRow>> due(Time now, std::size_t limit) override;
  Result<std::string> rua_record(const store::ReportKey& key) override;
  Result<std::optional<std::vector<std::uint8_t>>> report_bytes(
      const store::ReportKey& key) override;
  Result<std::vector<store::DeliveryRow>> deliveries(const store::ReportKey& key) override;
  Result<std::vector<store::ReportRow>> reports(std::uint32_t tenant, store::Day day,
                                                std::string_view after, std::size_t limit) override;
  Result<bool> move_report(const store::ReportRow& row, store::ReportState from,
                           const store::DeliveryRow* delivery) override;
  Result<bool> suppressed(std::uint32_t tenant, std::string_view address, Time now) override;
  Result<std::size_t> resume(Time now) override;

 private:
  store::ReportStore& store_;
};

}  // namespace mxw::reportd
