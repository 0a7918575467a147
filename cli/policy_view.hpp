// What policyd knows of a domain, for people. Pure.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/time.hpp"
#include "core/operator/state.hpp"
#include "core/rows/policy_rows.hpp"

namespace mxw::cli {

struct DomainView {
  std::string domain;
  std::vector<rows::Change> rows;  // as policy-show answers
  std::string body;                // of the current policy; empty without one
  bool cut = false;                // there are more rows than an answer holds
  // What the operator said; nullptr: nothing.
  std::shared_ptr<const operators::OperatorState> said = nullptr;
};

// The first line says what holds at `now`; then brakes and pins, the policy, its MX patterns,
// routes with whether the policy names them, DANE, TLS-RPT, the last events.
[[nodiscard]] std::string view_text(const DomainView& view, Time now);

// `example.org  enforce  until   2026-12-03 10:00:00 UTC  id 20261101`, in columns.
[[nodiscard]] std::string policy_line(const rows::PolicyRow& policy, Time now);

}  // namespace mxw::cli
