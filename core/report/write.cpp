#include <algorithm>

#include "core/base/json_writer.hpp"
#include "core/base/redact.hpp"
#include "core/policy/tlsrpt.hpp"
#include "core/report/compose.hpp"
#include "core/report/forms.hpp"
#include "core/report/limits.hpp"
#include "core/report/report.hpp"

namespace mxw::report {
namespace {

std::uint64_t counted(std::uint64_t count) {
  return std::min(count, kCount - 1);
}

// One line of what a peer said: nothing of it names a mailbox.
std::string said(std::string_view text, std::size_t limit) {
  return std::string(cut(Redactor().text(printable(first_line(text))), limit));
}

std::string seconds(Time time) {
  return format_rfc3339(Time{time.ns - time.ns % kSecond});
}

void optional_member(JsonWriter& json, std::string_view name, const std::string& text) {
  if (!text.empty()) json.member(name, text);
}

void write_detail(JsonWriter& json, const FailureDetail& detail) {
  const bool known = policy::parse_result_type(detail.result_type).has_value();
  std::string reason = said(detail.reason, kReasonBytes);
  if (!known && reason.empty()) reason = said(detail.result_type, kReasonBytes);
  json.begin_object().member("result-type", known ? detail.result_type : "validation-failure");
  if (detail.sending_ip.family != 0) json.member("sending-mta-ip", detail.sending_ip.text());
  optional_member(json, "receiving-mx-hostname", canonical_name(detail.mx_hostname).value_or(""));
  optional_member(json, "receiving-mx-helo", said(detail.mx_helo, kHeloBytes));
  if (detail.receiving_ip.family != 0) json.member("receiving-ip", detail.receiving_ip.text());
  json.member("failed-session-count", counted(detail.count));
  optional_member(json, "additional-information", said(detail.additional, kAdditionalBytes));
  optional_member(json, "failure-reason-code", reason);
  json.end_object();
}

// An array, left out when nothing is in it.
void write_list(JsonWriter& json, std::string_view name, const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  json.key(name).begin_array();
  for (const std::string& text : texts) json.string(text);
  json.end_array();
}

void write_policy(JsonWriter& json, const PolicyReport& policy) {
  std::vector<std::string> strings, hosts;
  for (const std::string& text : policy.strings)
    if (policy.type != "tlsa" || is_tlsa(text)) strings.push_back(text);
  for (const std::string& text : policy.mx_hosts)
    if (auto host = canonical_pattern(text)) hosts.push_back(std::move(*host));
  json.key("policy").begin_object().member("policy-type", policy.type);
  write_list(json, "policy-string", strings);
  json.member("policy-domain", *canonical_name(policy.domain));
  write_list(json, "mx-host", hosts);
  json.end_object();
}

void write_result(JsonWriter& json, const PolicyReport& policy) {
  json.begin_object();
  write_policy(json, policy);
  json.key("summary").begin_object();
  json.member("total-successful-session-count", counted(policy.success));
  json.member("total-failure-session-count", counted(policy.failure));
  json.end_object();
  const auto counts = [](const FailureDetail& detail) { return detail.count > 0; };
  if (std::any_of(policy.details.begin(), policy.details.end(), counts)) {
    json.key("failure-details").begin_array();
    for (const FailureDetail& detail : policy.details)
      if (counts(detail)) write_detail(json, detail);
    json.end_array();
  }
  json.end_object();
}

bool can_stand(const PolicyReport& policy) {
  return is_policy_type(policy.type) && canonical_name(policy.domain).has_value();
}

}  // namespace

std::optional<std::string> write_json(const Report& report) {
  if (report.organization.empty() || report.report_id.empty() || !is_mailbox(report.contact) ||
      report.begin > report.end ||
      std::none_of(report.policies.begin(), report.policies.end(), can_stand))
    return std::nullopt;
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("organization-name", printable(report.organization));
  json.key("date-range").begin_object();
  json.member("start-datetime", seconds(report.begin)).member("end-datetime", seconds(report.end));
  json.end_object();
  json.member("contact-info", report.contact).member("report-id", printable(report.report_id));
  json.key("policies").begin_array();
  for (const PolicyReport& policy : report.policies)
    if (can_stand(policy)) write_result(json, policy);
  json.end_array().end_object();
  return out;
}

}  // namespace mxw::report
