// What is wrong with a domain's MTA-STS, DANE and TLSRPT, and what to do about it.
#include <algorithm>
#include <utility>

#include "cli/check_report.hpp"
#include "cli/complain.hpp"
#include "cli/duration.hpp"
#include "cli/wrap.hpp"
#include "core/dns/tlsa.hpp"
#include "core/policy/tlsrpt_record.hpp"

namespace mxw::cli {
namespace {

using https::Cause;
using policyd::MxHost;
using policyd::MxKind;
using resolve::Outcome;
using Points = std::vector<Point>;

constexpr std::uint64_t kShortMaxAge = 86'400;  // RFC 8461 section 3.2 speaks of weeks

void add(Points& points, Grade grade, std::string text, std::string advice = {}) {
  points.push_back({grade, std::move(text), std::move(advice)});
}

std::string tolerant_text(const auto& tolerant) {
  if (!tolerant) return "; lenient senders refuse it, too: " + tolerant.error().reason;
  std::string what;
  for (const std::string& one : tolerant->forgiven) what += (what.empty() ? "" : ", ") + one;
  return "; lenient senders accept it (" + what + "), strict ones do not";
}

void judge_txt(CheckReport& report) {
  const CheckFacts::Txt& txt = report.facts.txt;
  Points& points = report.record_points;
  if (!resolve::is_definite(txt.outcome)) {
    add(points, Grade::unknown,
        "the record could not be looked up: " + std::string(resolve::outcome_name(txt.outcome)) +
            (txt.reason.empty() ? "" : " (" + txt.reason + ')'),
        txt.outcome == Outcome::bogus
            ? "its DNSSEC signatures do not hold: correct the zone, senders see no record"
            : "try again; senders keep the policy they have until it expires");
    return;
  }
  if (report.record.strict) {
    add(points, Grade::good, "one valid record, id " + report.record.strict->id);
    return;
  }
  const auto begins = [](const std::string& text) {
    return text.find("STSv1") != std::string::npos;
  };
  const auto count = std::count_if(txt.texts.begin(), txt.texts.end(), begins);
  if (count == 0) {
    add(points, Grade::note, "there is no record: senders do not look for a policy");
  } else if (count > 1) {
    add(points, Grade::bad, std::to_string(count) + " records: senders ignore all of them",
        "leave exactly one TXT record that begins with v=STSv1;");
  } else {
    add(points, Grade::bad,
        "the record is not valid: " + report.record.strict.error().reason +
            tolerant_text(report.record.tolerant),
        "publish: v=STSv1; id=" + std::string("CHANGE-ME, 1 to 32 letters and digits;"));
  }
}

bool has_record(const CheckReport& report) {
  return report.record.strict.has_value();
}

std::string fetch_advice(Cause cause) {
  switch (cause) {
    case Cause::no_address:
    case Cause::address_refused:
      return "give the policy host an A or AAAA record of a public address";
    case Cause::connect:
    case Cause::timeout:
    case Cause::interrupted:
      return "the web server must answer on port 443 within a minute";
    case Cause::tls:
      return "the web server must offer TLS 1.2 or later";
    case Cause::redirect:
      return "serve the policy itself: senders do not follow redirects";
    case Cause::status:
      return "the path must answer 200";
    case Cause::media_type:
      return "send Content-Type: text/plain";
    case Cause::headers_too_large:
    case Cause::too_large:
    case Cause::empty_body:
    case Cause::protocol:
      return "serve a policy of at most 64 KiB as plain HTTP/1.1";
    case Cause::certificate_expired:
      return "renew the certificate";
    case Cause::certificate_untrusted:
      return "use a certificate of a public CA and send its intermediates";
    case Cause::certificate_name:
    case Cause::certificate_other:
      return "the certificate needs the policy host as DNS name (subjectAltName)";
    case Cause::ok:
    case Cause::busy:
    case Cause::local:
      break;
  }
  return "try again";
}

bool is_ours(Cause cause) {
  return cause == Cause::busy || cause == Cause::local;
}

// Nobody can say whether the policy could be fetched.
bool fetch_is_unknown(const policyd::FetchAnswer& fetch) {
  return is_ours(fetch.cause) || !fetch.failed_lookups.empty();
}

void judge_no_policy(CheckReport& report) {
  const policyd::FetchAnswer& fetch = report.facts.fetch;
  if (!fetch.failed_lookups.empty()) {
    add(report.policy_points, Grade::unknown,
        "the address of mta-sts." + report.facts.domain +
            " could not be looked up: " + fetch.failed_lookups,
        "try again; if it stays so, its name servers must answer for A and AAAA: senders cannot "
        "fetch the policy meanwhile");
    return;
  }
  const bool announced = has_record(report);
  if (!announced && fetch.cause == Cause::no_address) {
    add(report.policy_points, Grade::note, "there is no policy host");
    return;
  }
  const std::string why = std::string(https::cause_name(fetch.cause)) +
                          (fetch.detail.empty() ? "" : " (" + printable(fetch.detail) + ')');
  const Grade grade = is_ours(fetch.cause) ? Grade::unknown : announced ? Grade::bad : Grade::note;
  add(report.policy_points, grade, "the policy could not be fetched: " + why,
      grade == Grade::note ? "" : fetch_advice(fetch.cause));
  if (fetch.cause == Cause::media_type)
    add(report.policy_points, Grade::note, "lenient senders take a policy of any media type");
}

void judge_fetched(CheckReport& report) {
  if (report.facts.fetch.cause != Cause::ok) return judge_no_policy(report);
  Points& points = report.policy_points;
  if (!report.policy.strict) {
    const policy::Invalid& invalid = report.policy.strict.error();
    add(points, Grade::bad,
        "the policy is not valid: line " + std::to_string(invalid.line) + ": " + invalid.reason +
            tolerant_text(report.policy.tolerant),
        "correct the file, then change the id of the record");
    return;
  }
  const policy::StsPolicy& policy = *report.policy.strict;
  std::string text = "valid, mode " + std::string(policy::mode_name(policy.mode)) + ", max_age " +
                     std::to_string(policy.max_age);
  if (policy.max_age > 0)
    text += " (" + duration_text(static_cast<std::int64_t>(policy.max_age) * kSecond) + ')';
  add(points, Grade::good, std::move(text));
  for (const std::string& warning : policy.warnings) add(points, Grade::note, printable(warning));
  if (policy.mode != policy::Mode::none && policy.max_age < kShortMaxAge)
    add(points, Grade::note,
        "max_age is below a day: whoever keeps DNS away from a sender for so long removes the "
        "protection",
        "max_age: 604800 or more, once it works");
  if (policy.mode == policy::Mode::testing)
    add(points, Grade::note, "testing: failures are reported, mail is delivered all the same");
  if (!has_record(report) && resolve::is_definite(report.facts.txt.outcome))
    add(points, Grade::bad, "a policy is served, but no valid record announces it",
        "publish the TXT record of _mta-sts." + report.facts.domain);
}

void judge_dane_host(const MxHost& host, bool validating, HostReport& out) {
  using policy::AddressSecurity;
  using policy::HostDane;
  switch (out.dane) {
    case HostDane::usable:
      add(out.points, Grade::good,
          "DANE: " + std::to_string(dns::applicable(host.tlsa.records).size()) +
              " usable TLSA record(s) at _25._tcp." + host.tlsa.base);
      return;
    case HostDane::unusable_only:
      add(out.points, Grade::bad,
          "DANE: no TLSA record is usable: senders require TLS but authenticate nobody",
          "publish 3 1 1 or 2 1 1 records (RFC 7672 section 3.1)");
      return;
    case HostDane::error:
      add(out.points, Grade::unknown,
          "DANE: could not be found out: " + (host.tlsa.word.empty() ? host.word : host.tlsa.word),
          "senders that use DANE do not deliver to it meanwhile: the name servers must answer for "
          "TLSA");
      return;
    case HostDane::none:
      break;
  }
  if (!validating)
    add(out.points, Grade::note,
        "DNSSEC and DANE: not judged, the resolver is not said to validate");
  else if (!policy::asks_tlsa(host.security))
    add(out.points, Grade::note, "DNSSEC: the address is not signed, so DANE does not apply");
  else
    add(out.points, Grade::note, "DNSSEC: the address is signed; there are no TLSA records");
}

void judge_host(CheckReport& report, const MxHost& host) {
  HostReport out{host.name,
                 host.preference,
                 Match::no_policy,
                 policy::judge_host({host.security, host.tlsa.answer, host.tlsa.records}),
                 {}};
  if (report.policy.strict && report.policy.strict->mode != policy::Mode::none) {
    const bool enforce = report.policy.strict->mode == policy::Mode::enforce;
    out.match = policy::mx_matches(report.policy.strict->mx, host.name) ? Match::yes : Match::no;
    if (out.match == Match::yes)
      add(out.points, Grade::good, "MTA-STS: matches the policy");
    else
      add(out.points, Grade::bad,
          std::string("MTA-STS: does not match the policy: senders ") +
              (enforce ? "do not deliver to it" : "report a failure"),
          "add to the policy: mx: " + host.name + ", then change the id of the record");
  }
  if (host.security == policy::AddressSecurity::none)
    add(out.points, Grade::bad, "it has no address", "remove it or give it an A or AAAA record");
  else if (host.security == policy::AddressSecurity::error)
    add(out.points, Grade::unknown, "its address could not be looked up: " + host.word,
        "try again");
  else
    judge_dane_host(host, report.facts.validating, out);
  report.hosts.push_back(std::move(out));
}

void judge_mx(CheckReport& report) {
  const policyd::MxFound& mx = report.facts.mx;
  Points& points = report.mx_points;
  switch (mx.kind) {
    case MxKind::mx:
      break;
    case MxKind::implicit:
      add(points, Grade::note, "there is no MX record: mail goes to the domain's own address");
      break;
    case MxKind::null_mx:
      add(points, Grade::note, "it takes no mail (null MX)");
      break;
    case MxKind::none:
      add(points, Grade::bad, "the domain does not exist", "look at its spelling");
      break;
    case MxKind::error:
      add(points, Grade::unknown, "its MX could not be looked up: " + mx.word, "try again");
      break;
  }
  if (mx.left_out > 0)
    add(points, Grade::note, std::to_string(mx.left_out) + " more MX hosts were not looked at");
  if (mx.no_names > 0)
    add(points, Grade::bad, std::to_string(mx.no_names) + " MX record(s) name no host",
        "an MX must be a host name, never an address");
  for (const MxHost& host : mx.hosts) judge_host(report, host);

  std::vector<policy::HostDane> hosts;
  for (const HostReport& host : report.hosts) hosts.push_back(host.dane);
  report.dane =
      mx.kind == MxKind::error ? policy::DaneState::error : policy::summarize(hosts, mx.secure);
  const bool all_usable =
      !hosts.empty() && std::all_of(hosts.begin(), hosts.end(), [](policy::HostDane dane) {
        return dane == policy::HostDane::usable;
      });
  if (all_usable && !mx.secure)
    add(points, Grade::note, "every MX has TLSA records, but the MX record itself is not signed");
}

void judge_tlsrpt(CheckReport& report) {
  const policyd::TlsrptAnswer& tlsrpt = report.facts.tlsrpt;
  Points& points = report.tlsrpt_points;
  if (!tlsrpt.answered) {
    add(points, Grade::unknown, "the record could not be looked up", "try again");
  } else if (tlsrpt.record.empty()) {
    add(points, Grade::note, "there is no record: nobody reports failures",
        "publish at _smtp._tls." + report.facts.domain + ": v=TLSRPTv1; rua=mailto:ADDRESS");
  } else if (const auto record = policy::parse_tlsrpt_record(tlsrpt.record); record) {
    std::string text = "reports go to";
    for (const policy::TlsrptUri& uri : record->rua) text += ' ' + printable(uri.text);
    add(points, Grade::good, std::move(text));
  } else {
    add(points, Grade::bad, "the record is not valid: " + record.error().reason,
        "publish: v=TLSRPTv1; rua=mailto:ADDRESS");
  }
}

template <typename Visit>
void for_all_points(const CheckReport& report, Visit visit) {
  for (const Points* const points :
       {&report.record_points, &report.policy_points, &report.mx_points, &report.tlsrpt_points})
    for (const Point& point : *points) visit(point);
  for (const HostReport& host : report.hosts)
    for (const Point& point : host.points) visit(point);
}

std::string things(std::size_t n) {
  return n == 1 ? "1 thing is wrong" : std::to_string(n) + " things are wrong";
}

std::string dane_tail(policy::DaneState dane) {
  if (dane == policy::DaneState::all) return " DANE protects all its MX hosts.";
  if (dane == policy::DaneState::some) return " DANE protects some of its MX hosts.";
  return "";
}

// What holds of the domain, whatever else is wrong.
std::string standing(const CheckReport& report) {
  const std::string& domain = report.facts.domain;
  if (report.facts.mx.kind == MxKind::null_mx) return domain + " takes no mail";
  if (report.facts.mx.kind == MxKind::none) return domain + " does not exist";
  const bool hidden = report.record.strict && fetch_is_unknown(report.facts.fetch);
  if (hidden || !resolve::is_definite(report.facts.txt.outcome))
    return "whether " + domain + " has an MTA-STS policy could not be found out";
  const bool working = report.record.strict && report.policy.strict;
  if (working) {
    const policy::Mode mode = report.policy.strict->mode;
    if (mode == policy::Mode::enforce) return domain + " has an MTA-STS policy that is enforced";
    if (mode == policy::Mode::testing)
      return domain + " has an MTA-STS policy in testing, which protects nothing";
    return domain + " has taken its MTA-STS policy back (mode none)";
  }
  const bool tried = report.policy.strict || report.record.strict ||
                     std::any_of(report.record_points.begin(), report.record_points.end(),
                                 [](const Point& p) { return p.grade == Grade::bad; });
  return domain +
         (tried ? " has no MTA-STS policy that senders can use" : " publishes no MTA-STS policy");
}

void conclude(CheckReport& report) {
  std::size_t bad = 0, unknown = 0;
  for_all_points(report, [&](const Point& point) {
    bad += point.grade == Grade::bad ? 1 : 0;
    unknown += point.grade == Grade::unknown ? 1 : 0;
  });
  std::string sentence = standing(report);
  if (bad > 0) {
    report.verdict = Grade::bad;
    sentence += ": " + things(bad);
    if (unknown > 0) sentence += ", " + std::to_string(unknown) + " could not be found out";
  } else if (unknown > 0) {
    report.verdict = Grade::unknown;
    if (!sentence.ends_with("could not be found out"))
      sentence += ", but " + std::to_string(unknown) + " of what matters could not be found out";
  } else {
    const bool active = report.record.strict && report.policy.strict &&
                        report.policy.strict->mode != policy::Mode::none;
    report.verdict = active || report.dane == policy::DaneState::all ? Grade::good : Grade::note;
    if (active && !report.hosts.empty()) sentence += ", and every MX host matches it";
  }
  report.sentence = sentence + '.' + dane_tail(report.dane);
}

}  // namespace

const char* grade_name(Grade grade) {
  switch (grade) {
    case Grade::good:
      return "good";
    case Grade::note:
      return "note";
    case Grade::unknown:
      return "unknown";
    case Grade::bad:
      return "bad";
  }
  return "unknown";
}

CheckReport judge_check(CheckFacts facts) {
  CheckReport report;
  report.facts = std::move(facts);
  report.record = judge_record(report.facts.txt.texts);
  if (report.facts.fetch.cause == Cause::ok) report.policy = judge_policy(report.facts.fetch.body);
  judge_txt(report);
  judge_fetched(report);
  judge_mx(report);
  judge_tlsrpt(report);
  conclude(report);
  return report;
}

int check_exit(const CheckReport& report) {
  if (report.verdict == Grade::bad) return kFound;
  return report.verdict == Grade::unknown ? kTrouble : kOk;
}

}  // namespace mxw::cli
