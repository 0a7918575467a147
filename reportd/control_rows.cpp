#include "reportd/control_rows.hpp"

#include <set>
#include <string>

#include "reportd/day.hpp"

namespace mxw::reportd {
namespace {

using View = std::string_view;

void member(JsonWriter& json, View name, const std::optional<Time>& time) {
  if (time) json.member(name, View(format_rfc3339(*time)));
}

}  // namespace

void append(JsonWriter& json, const store::DaySummary& day) {
  json.begin_object().member("v", 1).member("day", View(day_text(day.day)));
  member(json, "frozen", day.frozen_at);
  member(json, "built", day.built_at);
  json.member("tallies", day.tallies).member("late", day.late).member("overflow", day.overflow);
  json.key("reports").begin_object();
  for (const auto& [state, count] : day.reports) json.member(state, count);
  json.end_object().end_object();
}

void append(JsonWriter& json, const store::ReportRow& row) {
  json.begin_object().member("v", 1).member("domain", View(row.key.domain));
  json.member("day", View(day_text(row.key.day))).member("report_id", View(row.report_id));
  json.member("state", name(row.state)).member("tries", row.tries);
  member(json, "built", row.built_at);
  member(json, "next", row.next_at);
  member(json, "ended", row.ended_at);
  json.member("uri", View(row.uri)).member("detail", View(row.detail)).end_object();
}

void append(JsonWriter& json, const store::DeliveryRow& row) {
  json.begin_object().member("v", 1).member("uri", View(row.uri)).member("tries", row.tries);
  json.member("final", row.final);
  member(json, "at", row.at);
  json.member("detail", View(row.detail)).end_object();
}

void append(JsonWriter& json, const store::IntakeDay& row) {
  json.begin_object()
      .member("v", 1)
      .member("domain", View(row.domain))
      .member("day", View(day_text(row.day)));
  json.member("reports", row.reports).member("sessions", row.sessions);
  json.member("failed", row.failure).end_object();
}

void append(JsonWriter& json, const store::IntakeCause& row) {
  json.begin_object().member("v", 1).member("domain", View(row.domain));
  json.member("result_type", View(row.result_type)).member("mx_host", View(row.mx_host));
  json.member("reason", View(row.reason)).member("count", row.count);
  json.member("reporters", row.reporters).member("first", View(day_text(row.first)));
  json.member("last", View(day_text(row.last))).end_object();
}

void append(JsonWriter& json, const store::IntakeReporter& row) {
  json.begin_object().member("v", 1).member("submitter", View(row.submitter));
  json.member("organisation", View(row.organisation)).member("dkim", View(row.dkim));
  json.member("reports", row.reports).member("sessions", row.sessions);
  json.member("failed", row.failure).member("last", View(day_text(row.last))).end_object();
}

void append(JsonWriter& json, const TakenReport& taken) {
  json.member("taken", name(taken.taken)).member("reason", View(taken.reason));
  json.member("deviations", View(taken.deviations)).member("dkim", View(taken.row.dkim));
  json.member("submitter", View(taken.row.submitter));
  json.member("report_id", View(taken.row.report_id));
  std::set<View> domains;
  for (const store::IntakePolicy& policy : taken.row.policies) domains.insert(policy.domain);
  json.key("domains").begin_array();
  for (const View domain : domains) json.string(domain);
  json.end_array();
}

}  // namespace mxw::reportd
