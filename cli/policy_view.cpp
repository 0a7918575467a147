#include "cli/policy_view.hpp"

#include <algorithm>
#include <span>

#include "cli/duration.hpp"
#include "cli/operator_status.hpp"
#include "cli/wrap.hpp"
#include "core/dns/message.hpp"
#include "core/policy/mta_sts.hpp"
#include "core/rows/dane_rows.hpp"

namespace mxw::cli {
namespace {

constexpr std::size_t kDomainColumns = 32;
constexpr std::size_t kModeColumns = 7;  // `testing`, `enforce`

template <typename Row>
std::vector<Row> all_of(const DomainView& view) {
  std::vector<Row> rows;
  for (const rows::Change& change : view.rows)
    if (const auto* row = std::get_if<Row>(&change)) rows.push_back(*row);
  return rows;
}

template <typename Row>
const Row* one_of(const DomainView& view) {
  for (const rows::Change& change : view.rows)
    if (const auto* row = std::get_if<Row>(&change)) return row;
  return nullptr;
}

std::string when(const std::optional<Time>& time) {
  return time ? moment_text(*time) : "never";
}

std::string headline(const DomainView& view, Time now) {
  const auto* const policy = one_of<rows::PolicyRow>(view);
  const auto* const domain = one_of<rows::DomainRow>(view);
  if (policy != nullptr && now <= policy->valid_until()) {
    const std::string before = view.said ? overruled_by(*view.said, view.domain, now) : "";
    return "an MTA-STS policy in mode " + std::string(policy::mode_name(policy->mode)) +
           " holds until " + moment_text(policy->valid_until()) +
           (before.empty() ? "" : ", overruled by " + before);
  }
  if (policy != nullptr) return "its policy ran out at " + moment_text(policy->valid_until());
  if (domain == nullptr) return "nothing is known: nobody has asked for it";
  if (domain->state == rows::DomainState::none) return "it publishes no MTA-STS policy";
  return "it is not known whether it has a policy: " + printable(domain->check_result);
}

void add_policy(const DomainView& view, std::string& out) {
  const auto* const policy = one_of<rows::PolicyRow>(view);
  if (policy == nullptr) return;
  const std::int64_t age = static_cast<std::int64_t>(policy->max_age) * kSecond;
  out += "  policy: id " + (policy->id.empty() ? "not known" : printable(policy->id)) +
         ", max_age " + std::to_string(policy->max_age) + " s" +
         (age > 0 ? " (" + duration_text(age) + ")" : "") + ", from " + printable(policy->source) +
         "\n    first seen " + moment_text(policy->valid_from) + ", last fetched " +
         moment_text(policy->fetched_at) + "\n";
  const auto parsed = policy::parse_sts_policy(view.body);
  if (!parsed) return;
  for (const std::string& pattern : parsed->mx) out += "    mx: " + pattern + "\n";
  for (const std::string& warning : parsed->warnings)
    out += "    note: " + printable(warning) + "\n";
}

void add_looks(const DomainView& view, Time now, std::string& out) {
  const auto* const domain = one_of<rows::DomainRow>(view);
  if (domain == nullptr) return;
  out += "  last looked at " + when(domain->checked_at) + ": " + printable(domain->check_result);
  if (domain->fail_count > 0)
    out += ", failed " +
           (domain->fail_count == 1 ? "once" : std::to_string(domain->fail_count) + " times") +
           " (" + (domain->fail_type.empty() ? "DNS" : printable(domain->fail_type)) + ")";
  const bool due = domain->refresh_at && *domain->refresh_at <= now;
  out += due ? "; the next look is due\n" : "; next look " + when(domain->refresh_at) + "\n";
}

void add_routes(const DomainView& view, Time now, std::string& out) {
  const auto routes = all_of<rows::RouteRow>(view);
  const auto tlsa = all_of<rows::TlsaRow>(view);
  const auto parsed = policy::parse_sts_policy(view.body);
  const auto of_base = [&tlsa](std::string_view base) {
    const auto [first, last] = std::ranges::equal_range(tlsa, base, {}, &rows::TlsaRow::base);
    return std::span<const rows::TlsaRow>(first, last);
  };
  for (const rows::RouteRow& route : routes) {
    out += "  MX " + route.mx_host;
    out += route.address.family != 0 ? " " + route.address.text() : " without address";
    out += route.ad ? ", signed" : ", not signed";
    if (parsed && parsed->mode != policy::Mode::none)
      out += policy::mx_matches(parsed->mx, route.mx_host) ? ", named by the policy"
                                                           : ", NOT named by the policy";
    out += route.until < now ? ", seen until " : ", good until ";
    out += moment_text(route.until) + "\n";
  }
  if (routes.empty()) {
    if (one_of<rows::PolicyRow>(view) != nullptr) out += "  MX: no host is known yet\n";
    return;
  }
  const policy::DaneState dane = rows::dane_of(routes, of_base, now).state;
  out += "  DANE: " + std::string(name(dane));
  out += dane == policy::DaneState::none
             ? " (only answers of a resolver listed as validating can show it)\n"
             : "\n";
  for (const rows::TlsaRow& row : tlsa)
    if (row.rdata.size() > 3)
      out += "    " + row.base + " " + std::to_string(row.rdata[0]) + " " +
             std::to_string(row.rdata[1]) + " " + std::to_string(row.rdata[2]) + " (" +
             std::to_string(row.rdata.size() - 3) + " octets)" + (row.ad ? "" : ", not signed") +
             "\n";
}

}  // namespace

std::string policy_line(const rows::PolicyRow& policy, Time now) {
  const bool over = policy.valid_until() < now;
  std::string mode(policy::mode_name(policy.mode)), domain = policy.domain;
  domain.resize(std::max(domain.size(), kDomainColumns), ' ');
  mode.resize(std::max(mode.size(), kModeColumns), ' ');
  return domain + "  " + mode + (over ? "  ran out " : "  until   ") +
         moment_text(policy.valid_until()) + "  id " +
         (policy.id.empty() ? "not known" : printable(policy.id)) + "\n";
}

std::string view_text(const DomainView& view, Time now) {
  std::string out = view.domain + ": " + headline(view, now) + "\n";
  if (view.said) out += domain_status_text(*view.said, view.domain, now);
  add_policy(view, out);
  add_looks(view, now, out);
  add_routes(view, now, out);
  if (const auto* const tlsrpt = one_of<rows::TlsrptRow>(view))
    out +=
        "  TLS-RPT: " + (tlsrpt->record.empty() ? std::string("none") : printable(tlsrpt->record)) +
        ", last seen so " + moment_text(tlsrpt->confirmed_at) + "\n";
  if (const auto* const reread = one_of<rows::RereadRow>(view))
    out += "  read again on demand " + moment_text(reread->at) +
           (reread->ok ? "" : ", without success") + "\n";
  for (const rows::EventRow& event : all_of<rows::EventRow>(view)) {
    out += "  " + moment_text(event.time) + " " + printable(event.kind);
    if (!event.result_type.empty()) out += " " + printable(event.result_type);
    out += event.detail.empty() ? "\n" : ": " + printable(event.detail) + "\n";
  }
  if (view.cut) out += "  (there is more than fits here)\n";
  return out;
}

}  // namespace mxw::cli
