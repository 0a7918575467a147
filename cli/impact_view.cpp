// The result of `mxwarden impact`, for people and as JSON.
#include <cinttypes>

#include "cli/duration.hpp"
#include "cli/impact.hpp"
#include "cli/wrap.hpp"
#include "core/base/json_writer.hpp"

namespace mxw::cli {
namespace {

std::string number(std::uint64_t n) {
  return std::to_string(n);
}

std::string plural(std::uint64_t n, std::string_view one, std::string_view many) {
  return number(n) + " " + std::string(n == 1 ? one : many);
}

std::string held_text(const Impact& impact) {
  std::string out;
  for (const auto& [why, count] : impact.held)
    out += (out.empty() ? "" : ", ") + printable(why) + " " + number(count);
  return out;
}

void add_domains(const Impact& impact, std::string& out) {
  for (const auto& [domain, one] : impact.domains) {
    out += "  " + printable(domain) + "  " + plural(one.lookups, "lookup", "lookups") + ", ";
    if (one.basis == "testing" && one.would_bind == 0)
      out += "policy in mode testing: never binds";
    else
      out += printable(one.would_be) + " by " + printable(one.basis) + ", bound " +
             number(one.bound) + " of " + number(one.would_bind);
    if (!one.mx.empty()) {
      out += ", mx";
      for (const std::string& pattern : one.mx) out += " " + printable(pattern);
    }
    out += "\n";
  }
}

}  // namespace

std::string impact_text(const Impact& impact, const std::vector<StrayRoute>& strays,
                        bool routes_known) {
  if (impact.lines == 0) return "nothing was asked in that time: no mail server asks this map\n";
  std::string out = plural(impact.domains.size(), "domain", "domains") + " with a policy among " +
                    plural(impact.lookups, "lookup", "lookups") + " from " +
                    moment_text(impact.first) + " to " + moment_text(impact.last) + "\n";
  out += "  bound (answered with a demand for TLS): " + number(impact.bound) + "\n";
  out += "  would have been bound: " + number(impact.would_bind);
  out += impact.held.empty() ? "\n" : " (held back: " + held_text(impact) + ")\n";
  out += "  policies in mode testing: " + number(impact.testing) + "\n";
  if (impact.uncounted > 0)
    out += "  answers not known (more distinct ones than a minute holds): " +
           number(impact.uncounted) + "\n";
  if (impact.damaged > 0) out += "  lines that cannot be read: " + number(impact.damaged) + "\n";
  add_domains(impact, out);
  if (!routes_known) {
    out += "MX hosts not compared: policyd does not answer\n";
  } else if (strays.empty()) {
    out += "every MX host known of these domains is named by its policy\n";
  } else {
    out += "MX hosts that their policy does not name: mail to them would wait in your queue\n";
    for (const StrayRoute& stray : strays)
      out += "  " + printable(stray.domain) + "  " + printable(stray.mx_host) + " " +
             stray.address + "\n";
  }
  out +=
      "what became of the mail is not known here: lookups are counted, not messages, and "
      "whether TLS\nwould have succeeded nobody has seen\n";
  return out;
}

std::string impact_json(const Impact& impact, const std::vector<StrayRoute>& strays,
                        bool routes_known, const std::vector<MilterTally>* milter) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("v", 1).member("lookups", impact.lookups);
  if (impact.lines > 0)
    json.member("from", std::string_view(format_rfc3339(impact.first)))
        .member("to", std::string_view(format_rfc3339(impact.last)));
  json.member("bound", impact.bound).member("would_bind", impact.would_bind);
  json.member("testing", impact.testing).member("not_known", impact.uncounted);
  json.member("damaged_lines", impact.damaged).key("held").begin_object();
  for (const auto& [why, count] : impact.held) json.member(why, count);
  json.end_object().key("domains").begin_array();
  for (const auto& [domain, one] : impact.domains) {
    json.begin_object().member("domain", std::string_view(domain));
    json.member("lookups", one.lookups).member("bound", one.bound);
    json.member("would_bind", one.would_bind).member("testing", one.testing);
    json.member("would_be", std::string_view(one.would_be));
    json.member("basis", std::string_view(one.basis)).end_object();
  }
  json.end_array().member("routes_known", routes_known).key("not_matching").begin_array();
  for (const StrayRoute& stray : strays)
    json.begin_object()
        .member("domain", std::string_view(stray.domain))
        .member("mx_host", std::string_view(stray.mx_host))
        .member("address", std::string_view(stray.address))
        .end_object();
  json.end_array();
  if (milter != nullptr) append_tally(json.key("milter"), *milter);
  json.member("tls_outcome", "not known").end_object();
  return out + "\n";
}

}  // namespace mxw::cli
