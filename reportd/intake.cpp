#include "reportd/intake.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "core/base/digest.hpp"
#include "core/mail/name.hpp"
#include "core/report/limits.hpp"

namespace mxw::reportd {
namespace {

using report::Deviation;

constexpr std::array<std::string_view, kTakenWords> kTakenNames = {
    "counted",   "quarantined", "duplicate", "changed",
    "no-report", "refused",     "foreign",   "not-stored"};

// Refusals that say that nobody meant a report.
bool is_no_report(report::Refusal refusal) {
  return refusal == report::Refusal::no_report || refusal == report::Refusal::not_json ||
         refusal == report::Refusal::no_object;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += (out.empty() ? "" : "\n") + line;
  return out;
}

std::string text_of(const IpAddress& address) {
  return address.family == 0 ? std::string() : address.text();
}

store::IntakePolicy policy_of(const report::PolicyReport& from) {
  store::IntakePolicy to{.type = from.type,
                         .domain = from.domain,
                         .mx_hosts = joined(from.mx_hosts),
                         .success = from.success,
                         .failure = from.failure,
                         .failures = {}};
  for (const report::FailureDetail& detail : from.details)
    to.failures.push_back({.result_type = detail.result_type,
                           .sending_ip = text_of(detail.sending_ip),
                           .mx_host = detail.mx_hostname,
                           .receiving_ip = text_of(detail.receiving_ip),
                           .reason = detail.reason,
                           .count = detail.count});
  return to;
}

// Of all that was read: the same report by another mail, or compressed otherwise, is the same.
Sha256 digest_of(const report::Report& report) {
  Sha256Stream stream;
  const auto put = [&](std::string_view text) {
    stream.update(as_bytes(std::to_string(text.size()) + ':'));
    stream.update(as_bytes(text));
  };
  const auto number = [&](std::uint64_t value) { put(std::to_string(value)); };
  for (const std::string* text : {&report.organization, &report.contact, &report.report_id})
    put(*text);
  number(report.policies.size());
  for (const report::PolicyReport& policy : report.policies) {
    put(policy.type);
    put(policy.domain);
    put(joined(policy.strings));
    put(joined(policy.mx_hosts));
    number(policy.success);
    number(policy.failure);
    number(policy.details.size());
    for (const report::FailureDetail& detail : policy.details) {
      for (const std::string* text : {&detail.result_type, &detail.mx_hostname, &detail.mx_helo,
                                      &detail.additional, &detail.reason})
        put(*text);
      put(text_of(detail.sending_ip));
      put(text_of(detail.receiving_ip));
      number(detail.count);
    }
  }
  return stream.finish();
}

store::IntakeRow row_of(const report::AnyReport& any, const report::Report& report, Time now) {
  store::IntakeRow row;
  row.submitter =
      any.mail.submitter.empty() ? report::domain_of(report.contact) : any.mail.submitter;
  row.report_id = report.report_id;
  row.begin = report.begin;
  row.end = report.end;
  row.organisation = report.organization;
  row.contact = report.contact;
  row.dkim = "none";
  row.digest = digest_of(report);
  row.received = now;
  return row;
}

}  // namespace

std::string_view name(Taken taken) {
  return kTakenNames.at(static_cast<std::size_t>(taken));
}

bool aligned(std::string_view signature, std::string_view domain) {
  const auto below = [](std::string_view a, std::string_view b) {
    return a == b || (a.size() > b.size() && a.ends_with(b) && a[a.size() - b.size() - 1] == '.');
  };
  // A public suffix is above everything: at least two labels.
  const auto labels = [](std::string_view name) {
    return name.find('.') != std::string_view::npos;
  };
  return labels(signature) && labels(domain) &&
         (below(signature, domain) || below(domain, signature));
}

std::string_view dkim_word(const dkim::Verification& verification, const report::MailFacts& mail,
                           bool& covered) {
  covered = false;
  bool pass = false, no_key = false, fail = false;
  for (const dkim::Signature& one : verification.signatures) {
    if (!aligned(one.domain, mail.from_domain) && !aligned(one.domain, mail.submitter)) continue;
    if (dkim::good_for_report(one)) {
      pass = true;
      covered = covered || one.covers_report;
    } else if (one.status == dkim::Status::no_key) {
      no_key = true;
    } else {
      fail = true;
    }
  }
  if (pass) return "pass";
  return no_key ? "no-key" : fail ? "fail" : "none";
}

void Intake::set(const config::Intake& settings) {
  domains_.clear();
  for (const auto* list : {&settings.domains, &settings.mx_hosts})
    for (const std::string& text : *list)
      if (const auto host = mail::HostName::parse(text)) domains_.insert(host->text());
}

bool Intake::ours(std::string_view domain) const {
  return domains_.contains(domain);
}

TakenReport Intake::read(std::string_view octets, report::AnyReport& any, Time now) const {
  TakenReport out;
  any = report::read_any(octets);
  out.deviations = any.deviations.text();
  if (!any.report) {
    out.taken = is_no_report(any.report.error()) ? Taken::no_report : Taken::refused;
    out.reason = word(any.report.error());
    return out;
  }
  const report::Report& report = *any.report;
  out.row = row_of(any, report, now);
  for (const report::PolicyReport& policy : report.policies)
    if (ours(policy.domain)) out.row.policies.push_back(policy_of(policy));
  if (out.row.policies.empty()) {
    out.taken = Taken::foreign;
    out.reason =
        domains_.empty() ? "intake.domains is empty" : "no policy is about a domain of ours";
    return out;
  }
  if (out.row.policies.size() < report.policies.size())
    any.deviations.add(Deviation::foreign_domain);
  out.taken = Taken::counted;
  return out;
}

// Asks for the keys the signatures name, then judges; at once where there are none.
void Intake::verify(std::shared_ptr<const std::string> message, Time now, Verified done) {
  struct Asked {
    std::map<std::string, dkim::KeyAnswer> keys;
    std::size_t open = 0;
  };
  const std::vector<std::string> names = dkim::key_names(*message);
  const auto asked = std::make_shared<Asked>();
  const auto judge = [message, asked, now, done = std::move(done)] {
    done(dkim::verify(
        *message,
        [&](const std::string& name) {
          const auto found = asked->keys.find(name);
          return found == asked->keys.end() ? dkim::KeyAnswer{.known = false, .records = {}}
                                            : found->second;
        },
        now));
  };
  if (names.empty()) return judge();
  asked->open = names.size();
  for (const std::string& name : names)
    lookups_.lookup(feed::LookupKind::dkim_key, name,
                    [asked, name, judge](const feed::LookupAnswer& answer) {
                      asked->keys[name] = {.known = answer.state != feed::LookupState::failed &&
                                                    answer.state != feed::LookupState::unavailable,
                                           .records = answer.records};
                      if (--asked->open == 0) judge();
                    });
}

Taken Intake::keep(const store::IntakeRow& row) {
  const auto added = store_.add(row);
  if (!added) return Taken::not_stored;
  if (*added == store::IntakeStore::Added::duplicate) return Taken::duplicate;
  if (*added == store::IntakeStore::Added::changed) return Taken::changed;
  return row.state == store::IntakeState::counted ? Taken::counted : Taken::quarantined;
}

Taken Intake::take_mail(std::string message, Time now) {
  report::AnyReport any;
  TakenReport read_one = read(message, any, now);
  if (read_one.taken != Taken::counted) {
    count(read_one.taken);
    return read_one.taken;
  }
  store::IntakeRow row = std::move(read_one.row);
  row.origin = "lmtp";
  row.state = store::IntakeState::quarantined;
  row.deviations = any.deviations.text();
  const Taken first = keep(row);
  if (first == Taken::not_stored || first == Taken::duplicate) {
    count(first);
    return first;
  }
  verify(std::make_shared<const std::string>(std::move(message)), now,
         [this, row = std::move(row), any = std::move(any)](const dkim::Verification& verified) {
           store::IntakeRow judged = row;
           bool covered = false;
           judged.dkim = dkim_word(verified, any.mail, covered);
           report::Deviations deviations = any.deviations;
           if (judged.dkim == "pass" && !covered) deviations.add(Deviation::headers_unsigned);
           judged.deviations = deviations.text();
           if (judged.dkim == "pass") judged.state = store::IntakeState::counted;
           count(keep(judged));
         });
  return first;
}

void Intake::import(std::string octets, ImportOptions options, Time now,
                    std::function<void(const TakenReport&)> done) {
  const auto any = std::make_shared<report::AnyReport>();
  auto out = std::make_shared<TakenReport>(read(octets, *any, now));
  if (out->taken != Taken::counted) {
    if (!options.dry_run) count(out->taken);
    return done(*out);
  }
  out->row.origin = "import";
  const auto judged = [this, any, out, options,
                       done = std::move(done)](const dkim::Verification& verified) {
    bool covered = false;
    out->row.dkim = dkim_word(verified, any->mail, covered);
    if (out->row.dkim == "pass" && !covered) any->deviations.add(Deviation::headers_unsigned);
    out->row.deviations = out->deviations = any->deviations.text();
    if (options.quarantine && out->row.dkim != "pass") {
      out->row.state = store::IntakeState::quarantined;
      out->taken = Taken::quarantined;
    }
    if (!options.dry_run) {
      out->taken = keep(out->row);
      if (out->taken == Taken::changed) {
        any->deviations.add(Deviation::other_body);
        out->deviations = any->deviations.text();
      }
      count(out->taken);
    }
    done(*out);
  };
  if (any->kind != report::AnyReport::Kind::mail) return judged({});
  verify(std::make_shared<const std::string>(std::move(octets)), now, judged);
}

}  // namespace mxw::reportd
