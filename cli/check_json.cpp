// The report as JSON. What is not known is left out.
#include "cli/check_report.hpp"
#include "cli/wrap.hpp"
#include "core/base/ascii.hpp"
#include "core/base/json_writer.hpp"
#include "core/dns/tlsa.hpp"

namespace mxw::cli {
namespace {

void write_points(JsonWriter& json, const std::vector<Point>& points) {
  json.key("points").begin_array();
  for (const Point& point : points) {
    json.begin_object().member("grade", grade_name(point.grade));
    json.member("text", printable(point.text));
    if (!point.advice.empty()) json.member("advice", printable(point.advice));
    json.end_object();
  }
  json.end_array();
}

void write_record(JsonWriter& json, const CheckReport& report) {
  const CheckFacts::Txt& txt = report.facts.txt;
  json.key("record").begin_object().member("dns", resolve::outcome_name(txt.outcome));
  if (resolve::is_definite(txt.outcome)) {
    write_strings(json, "txt", txt.texts);
    write_verdicts(json, report.record);
  }
  write_points(json, report.record_points);
  json.end_object();
}

void write_policy(JsonWriter& json, const CheckReport& report) {
  const policyd::FetchAnswer& fetch = report.facts.fetch;
  json.key("policy").begin_object().member("fetch", fetch.failed_lookups.empty()
                                                        ? https::cause_name(fetch.cause)
                                                        : std::string_view("address_unknown"));
  if (!fetch.detail.empty()) json.member("detail", printable(fetch.detail));
  if (fetch.cause == https::Cause::ok) write_verdicts(json, report.policy);
  write_points(json, report.policy_points);
  json.end_object();
}

const char* kind_name(policyd::MxKind kind) {
  switch (kind) {
    case policyd::MxKind::mx:
      return "mx";
    case policyd::MxKind::implicit:
      return "implicit";
    case policyd::MxKind::null_mx:
      return "null_mx";
    case policyd::MxKind::none:
      return "none";
    case policyd::MxKind::error:
      return "error";
  }
  return "error";
}

void write_tlsa(JsonWriter& json, const policyd::TlsaFound& tlsa) {
  if (tlsa.records.empty()) return;
  json.member("tlsa_base", tlsa.base).key("tlsa").begin_array();
  for (const dns::Tlsa& record : tlsa.records) {
    json.begin_object().member("usage", record.usage).member("selector", record.selector);
    json.member("matching", record.matching);
    json.member("data",
                std::string_view(ascii::hex(
                    {reinterpret_cast<const char*>(record.data.data()), record.data.size()})));
    json.member("usable", dns::is_usable(record)).end_object();
  }
  json.end_array();
}

void write_host(JsonWriter& json, const HostReport& host, const policyd::MxHost& facts) {
  json.begin_object().member("name", host.name).member("preference", host.preference);
  json.key("addresses").begin_array();
  for (const IpAddress& address : facts.addresses) json.string(address.text());
  json.end_array();
  if (host.match != Match::no_policy) json.member("match", host.match == Match::yes);
  json.member("address_security", policy::name(facts.security));
  json.member("dane", policy::name(host.dane));
  write_tlsa(json, facts.tlsa);
  write_points(json, host.points);
  json.end_object();
}

void write_mx(JsonWriter& json, const CheckReport& report) {
  json.key("mx").begin_object().member("kind", kind_name(report.facts.mx.kind));
  if (report.facts.validating) json.member("secure", report.facts.mx.secure);
  json.key("hosts").begin_array();
  for (std::size_t i = 0; i < report.hosts.size(); ++i)
    write_host(json, report.hosts[i], report.facts.mx.hosts[i]);
  json.end_array();
  write_points(json, report.mx_points);
  json.end_object();
}

}  // namespace

std::string check_json(const CheckReport& report) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("domain", report.facts.domain);
  json.member("time", format_rfc3339(report.facts.at));
  json.member("verdict", grade_name(report.verdict)).member("sentence", report.sentence);
  write_strings(json, "resolvers", report.facts.resolvers);
  json.member("validating", report.facts.validating);
  json.member("dane", policy::name(report.dane));
  write_record(json, report);
  write_policy(json, report);
  write_mx(json, report);
  json.key("tlsrpt").begin_object();
  if (report.facts.tlsrpt.answered && !report.facts.tlsrpt.record.empty())
    json.member("record", printable(report.facts.tlsrpt.record));
  write_points(json, report.tlsrpt_points);
  json.end_object().end_object();
  return out + '\n';
}

}  // namespace mxw::cli
