// What the tests of TLS reports share: one report as we would send it, with all there can be in it.
#pragma once

#include <string>

#include "core/report/gzip.hpp"
#include "core/report/report.hpp"

namespace mxw::report {

inline Identity identity() {
  return {"Sender Example", "sender.example", "example.org", 20'777};  // 2026-11-20
}

inline IpAddress ip(const char* text) {
  return IpAddress::parse(text).value_or(IpAddress{});
}

inline Report full_report() {
  Report report;
  report.organization = "Sender Example";
  report.contact = "tlsrpt@sender.example";
  report.report_id = report_id(identity());
  report.begin = begin_of(identity());
  report.end = end_of(identity());
  PolicyReport sts;
  sts.type = "sts";
  sts.domain = "example.org";
  sts.strings = {"version: STSv1", "mode: enforce", "mx: *.example.org", "max_age: 604800"};
  sts.mx_hosts = {"*.example.org"};
  sts.success = 5326;
  sts.failure = 303;
  sts.details = {
      {"starttls-not-supported", ip("2001:db8::25"), "mx1.example.org", "mx1.example.org",
       ip("203.0.113.7"), 300, "https://reports.example/1", "stripped: keyword overwritten"},
      {"validation-failure", ip("192.0.2.25"), "", "", {}, 3, "", "io-timeout"}};
  PolicyReport tlsa;
  tlsa.type = "tlsa";
  tlsa.domain = "mx1.example.org";
  tlsa.strings = {"3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"};
  tlsa.success = 1;
  PolicyReport none;
  none.type = "no-policy-found";
  none.domain = "xn--bcher-kva.example";
  none.failure = 1;
  none.details = {{"validation-failure", {}, "", "", {}, 1, "", "connection-closed"}};
  report.policies = {sts, tlsa, none};
  return report;
}

}  // namespace mxw::report
