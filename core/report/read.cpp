#include "core/report/read.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "core/base/ascii.hpp"
#include "core/base/utf8.hpp"
#include "core/policy/tlsrpt.hpp"
#include "core/report/forms.hpp"
#include "core/report/limits.hpp"
#include "core/report/take.hpp"

namespace mxw::report {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kReplacement = "\xef\xbf\xbd";

constexpr std::array<Member, 5> kReport = {
    {{"organization-name"}, {"date-range"}, {"contact-info"}, {"report-id"}, {"policies"}}};
constexpr std::array<Member, 2> kRange = {{{"start-datetime"}, {"end-datetime"}}};
constexpr std::array<Member, 3> kResult = {{{"policy"}, {"summary"}, {"failure-details"}}};
constexpr std::array<Member, 4> kPolicy = {
    {{"policy-type"}, {"policy-string"}, {"policy-domain"}, {"mx-host", "mx-host-pattern"}}};
constexpr std::array<Member, 2> kSummary = {
    {{"total-successful-session-count"}, {"total-failure-session-count"}}};
constexpr std::array<Member, 8> kDetail = {{{"result-type"},
                                            {"sending-mta-ip"},
                                            {"receiving-mx-hostname"},
                                            {"receiving-mx-helo"},
                                            {"receiving-ip"},
                                            {"failed-session-count"},
                                            {"additional-information", "additional-info-uri"},
                                            {"failure-reason-code", "failure-error-code"}}};

std::string repaired(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t n = utf8::sequence_length(text);
    out += n > 0 ? text.substr(0, n) : kReplacement;
    text.remove_prefix(std::max<std::size_t>(n, 1));
  }
  return out;
}

bool is_address(std::string_view text) {
  const std::size_t at = text.find('@');
  return at != 0 && at != std::string_view::npos && at + 1 < text.size() &&
         text.find_first_of("@ \t", at + 1) == std::string_view::npos &&
         text.substr(0, at).find_first_of(" \t") == std::string_view::npos;
}

void note_range(Taker& take, Time begin, Time end) {
  const std::int64_t last = end.ns - end.ns % kSecond;
  std::int64_t behind = last + kSecond;  // the first second that is not in the range
  if (last % kDay == 0 && last > begin.ns) {
    take.note(Deviation::end_midnight);
    behind = last;
  }
  take.note_if(begin.ns % kDay != 0 || behind % kDay != 0, Deviation::not_utc_day);
  take.note_if(behind - begin.ns > kDay, Deviation::several_days);
}

FailureDetail read_detail(Taker& take, const JsonTree& node) {
  const auto at = take.members(&node, kDetail);
  FailureDetail detail;
  detail.result_type = take.text(at[0], kTextBytes);
  detail.sending_ip = take.ip(at[1]);
  take.note_if(at[2] != nullptr && at[2]->is(JsonTree::Kind::string) && at[2]->text.empty(),
               Deviation::empty_member);
  detail.mx_hostname = take.name(at[2]);
  detail.mx_helo = take.helo(at[3]);
  detail.receiving_ip = take.ip(at[4]);
  detail.count = take.count(at[5]);
  detail.additional = take.detail_text(at[6], kAdditionalBytes);
  detail.reason = take.detail_text(at[7], kReasonBytes);
  take.note_if(at[5] != nullptr && detail.count == 0, Deviation::count_zero);
  take.note_if(detail.result_type.empty(), Deviation::no_result_type);
  take.note_if(!detail.result_type.empty() && !policy::parse_result_type(detail.result_type),
               Deviation::unknown_result_type);
  return detail;
}

void read_policy(Taker& take, const JsonTree* node, PolicyReport& policy) {
  take.note_if(node == nullptr, Deviation::no_policy);
  if (node == nullptr) return;
  const auto at = take.members(node, kPolicy);
  policy.type = take.text(at[0], kTextBytes);
  policy.strings = take.policy_strings(at[1]);
  policy.domain = take.name(at[2]);
  policy.mx_hosts = take.mx_hosts(at[3]);
  const bool sts = policy.type == "sts", tlsa = policy.type == "tlsa";
  take.note_if(policy.type.empty(), Deviation::no_policy_type);
  take.note_if(!policy.type.empty() && !is_policy_type(policy.type),
               Deviation::unknown_policy_type);
  take.note_if(policy.domain.empty(), Deviation::no_policy_domain);
  take.note_if((sts || tlsa) && policy.strings.empty(), Deviation::no_policy_string);
  take.note_if(sts && policy.mx_hosts.empty(), Deviation::no_mx_host);
  take.note_if(tlsa && !std::all_of(policy.strings.begin(), policy.strings.end(), is_tlsa),
               Deviation::tlsa_form);
}

void compare_counts(Taker& take, const PolicyReport& policy) {
  std::uint64_t sum = 0, most = 0;
  for (const FailureDetail& detail : policy.details) {
    most = std::max(most, detail.count);
    sum += std::min(detail.count, std::numeric_limits<std::uint64_t>::max() - sum);
  }
  take.note_if(sum < policy.failure, Deviation::details_below);
  take.note_if(sum > policy.failure, Deviation::details_above);
  take.note_if(most > policy.failure, Deviation::detail_above_total);
}

PolicyReport read_result(Taker& take, const JsonTree& node) {
  const auto at = take.members(&node, kResult);
  PolicyReport policy;
  read_policy(take, at[0], policy);
  take.note_if(at[1] == nullptr, Deviation::no_summary);
  if (at[1] != nullptr) {
    const auto counts = take.members(at[1], kSummary);
    policy.success = take.count(counts[0]);
    policy.failure = take.count(counts[1]);
  }
  for (const JsonTree& item : take.elements(at[2], kDetails)) {
    take.note_if(!item.is(JsonTree::Kind::object), Deviation::wrong_type);
    if (item.is(JsonTree::Kind::object)) policy.details.push_back(read_detail(take, item));
  }
  compare_counts(take, policy);
  return policy;
}

void read_head(Taker& take, const std::vector<const JsonTree*>& at, Report& report) {
  report.organization = take.text(at[0], kTextBytes);
  report.contact = take.text(at[2], kTextBytes);
  report.report_id = take.text(at[3], kTextBytes);
  take.note_if(report.organization.empty(), Deviation::no_organization);
  take.note_if(report.contact.empty(), Deviation::no_contact);
  take.note_if(!report.contact.empty() && !is_address(report.contact), Deviation::contact_form);
  take.note_if(report.report_id.empty(), Deviation::no_report_id);
}

std::expected<ReadReport, Refusal> read_tree(Taker& take, const JsonTree& tree) {
  if (!tree.is(JsonTree::Kind::object)) return std::unexpected(Refusal::no_object);
  const auto at = take.members(&tree, kReport);
  Report report;
  read_head(take, at, report);
  const auto range = take.members(at[1], kRange);
  const auto begin = take.date(range[0]), end = take.date(range[1]);
  if (!begin || !end) return std::unexpected(Refusal::no_date_range);
  if (*begin > *end) return std::unexpected(Refusal::start_after_end);
  note_range(take, *begin, *end);
  report.begin = *begin;
  report.end = *end;
  if (at[4] == nullptr || !at[4]->is(JsonTree::Kind::array))
    return std::unexpected(Refusal::no_policies);
  take.note_if(at[4]->items.empty(), Deviation::no_policies);
  for (const JsonTree& item : take.elements(at[4], kPolicies)) {
    take.note_if(!item.is(JsonTree::Kind::object), Deviation::wrong_type);
    if (item.is(JsonTree::Kind::object)) report.policies.push_back(read_result(take, item));
  }
  if (take.bad_count()) return std::unexpected(Refusal::bad_count);
  return ReadReport{std::move(report), take.seen()};
}

}  // namespace

std::expected<ReadReport, Refusal> read_report(std::string_view json) {
  if (json.size() > kInflatedBytes) return std::unexpected(Refusal::too_large);
  Taker take;
  take.note_if(json.starts_with(kByteOrderMark), Deviation::byte_order_mark);
  if (json.starts_with(kByteOrderMark)) json.remove_prefix(kByteOrderMark.size());
  std::string valid;
  if (!utf8::valid(json)) {
    take.note(Deviation::invalid_utf8);
    valid = repaired(json);
    json = valid;
  }
  const auto tree = parse_json(json);
  if (!tree) return std::unexpected(tree.error());
  return read_tree(take, *tree);
}

}  // namespace mxw::report
