// StoreSink: TLS-RPT records and re-reads of the engine into the PolicyStore.
#pragma once

#include "core/store/policy_store.hpp"
#include "policyd/observer.hpp"

namespace mxw::policyd {

class StoreSink final : public Sink {
 public:
  explicit StoreSink(store::PolicyStore& store) : store_(store) {}  // outlives this

  store::Result<void> put_tlsrpt(const rows::TlsrptRow& row) override {
    auto put = store_.put_tlsrpt(row);
    if (!put) return std::unexpected(std::move(put.error()));
    return {};
  }
  store::Result<void> put_reread(const rows::RereadRow& row) override {
    return store_.put_reread(row);
  }

 private:
  store::PolicyStore& store_;
};

}  // namespace mxw::policyd
