#include <algorithm>
#include <array>

#include "core/base/ascii.hpp"
#include "core/report/forms.hpp"
#include "core/report/gzip.hpp"
#include "core/report/limits.hpp"
#include "core/report/mime.hpp"
#include "core/report/read.hpp"

namespace mxw::report {
namespace {

constexpr std::size_t kPeekBytes = 512;  // of a part, to see what it is

std::string kept(std::string_view text) {
  return printable(cut(text, kTextBytes));
}

bool begins_as_json(std::string_view octets) {
  if (octets.starts_with("\xef\xbb\xbf")) octets.remove_prefix(3);
  const std::size_t at = octets.find_first_not_of(" \t\r\n");
  return at != std::string_view::npos && (octets[at] == '{' || octets[at] == '[');
}

// JSON, gzipped or not.
std::expected<ReadReport, Refusal> read_octets(std::string_view octets) {
  if (!is_gzip(octets)) return read_report(octets);
  const auto json = gunzip(octets);
  if (!json) return std::unexpected(json.error());
  return read_report(*json);
}

// --- headers

// `<id-left@id-right>` (RFC 5322 section 3.6.4).
bool is_message_id(std::string_view text) {
  if (text.size() < 2 || !text.starts_with('<') || !text.ends_with('>')) return false;
  text = text.substr(1, text.size() - 2);
  const std::size_t at = text.find('@');
  return at != std::string_view::npos && is_dot_atom(text.substr(0, at)) &&
         is_dot_atom(text.substr(at + 1));
}

std::string_view without_brackets(std::string_view text) {
  if (text.starts_with('<')) text.remove_prefix(1);
  if (text.ends_with('>')) text.remove_suffix(1);
  return text;
}

// `Report Domain: D Submitter: S Report-ID: <ID>` (RFC 8460 section 5.3).
void read_subject(std::string_view subject, AnyReport& out) {
  constexpr std::string_view kDomain = "report domain:", kSubmitter = "submitter:",
                             kId = "report-id:";
  const std::string low = ascii::to_lower(subject);
  const std::size_t submitter = low.find(kSubmitter);
  const std::size_t id = low.find(kId, submitter == std::string::npos ? 0 : submitter);
  std::string_view text;
  if (id != std::string::npos) text = ascii::trim(subject.substr(id + kId.size()));
  out.mail.subject_id = without_brackets(text);
  if (!low.starts_with(kDomain) || submitter == std::string::npos || !is_message_id(text))
    out.deviations.add(Deviation::subject_form);
}

// Whether a DKIM-Signature covers both headers of a report (its h=, RFC 6376 section 3.5).
bool covers_report_headers(std::string_view signature) {
  std::string names;
  for (const auto& [tag, value] : parse_parameters(";" + std::string(signature)).all)
    if (tag == "h") names = ':' + ascii::to_lower(value) + ':';
  std::erase_if(names, [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; });
  return names.contains(":tls-report-domain:") && names.contains(":tls-report-submitter:");
}

void read_signatures(const Entity& message, AnyReport& out) {
  bool covered = false;
  for (const Field& field : message.fields) {
    if (!ascii::iequals(field.name, "DKIM-Signature")) continue;
    out.mail.signed_mail = true;
    covered = covered || covers_report_headers(field.value);
  }
  if (out.mail.signed_mail && !covered) out.deviations.add(Deviation::headers_unsigned);
}

void read_from(const Entity& message, AnyReport& out) {
  const auto is_from = [](const Field& field) { return ascii::iequals(field.name, "From"); };
  if (std::count_if(message.fields.begin(), message.fields.end(), is_from) == 1)
    out.mail.from_domain = kept(domain_of_from(message.value("From")));
  if (out.mail.from_domain.empty()) out.deviations.add(Deviation::from_unclear);
}

void read_headers(const Entity& message, AnyReport& out) {
  read_from(message, out);
  out.mail.report_domain = ascii::to_lower(kept(message.value("TLS-Report-Domain")));
  out.mail.submitter = ascii::to_lower(kept(message.value("TLS-Report-Submitter")));
  out.mail.subject = kept(message.value("Subject"));
  out.mail.message_id = without_brackets(kept(message.value("Message-ID")));
  out.mail.tls_required_no = ascii::iequals(message.value("TLS-Required"), "no");
  read_subject(out.mail.subject, out);
  read_signatures(message, out);
  const Parameters type = parse_parameters(message.value("Content-Type"));
  if (type.word != "multipart/report" || !ascii::iequals(type.get("report-type"), "tlsrpt"))
    out.deviations.add(Deviation::mail_type);
  if (message.value("Date").empty()) out.deviations.add(Deviation::no_date);
  if (out.mail.report_domain.empty()) out.deviations.add(Deviation::no_report_domain);
  if (out.mail.submitter.empty()) out.deviations.add(Deviation::no_report_submitter);
}

// --- the part with the report

enum class Likely : std::uint8_t { typed, found, text, not_at_all };

Likely likely(const Leaf& leaf) {
  if (leaf.type.starts_with("application/tlsrpt")) return Likely::typed;
  const std::string start = decode(leaf.body.substr(0, kPeekBytes), leaf.encoding).octets;
  if (is_gzip(start)) return Likely::found;
  if (!begins_as_json(start)) return Likely::not_at_all;
  return leaf.type.starts_with("text/") ? Likely::text : Likely::found;
}

// `SENDER!DOMAIN!BEGIN!END[!UNIQUE].json[.gz]` (RFC 8460 section 5.1).
struct FileRange {
  std::uint64_t begin = 0, end = 0;
};
std::optional<FileRange> range_of(std::string_view name, bool gzipped) {
  const std::string_view extension = gzipped ? ".json.gz" : ".json";
  if (!name.ends_with(extension)) return std::nullopt;
  name.remove_suffix(extension.size());
  std::array<std::string_view, 5> pieces;
  std::size_t count = 0;
  for (; count < pieces.size(); ++count) {
    const std::size_t mark = name.find('!');
    pieces.at(count) = name.substr(0, mark);
    if (mark == std::string_view::npos) break;
    name.remove_prefix(mark + 1);
  }
  const auto begin = ascii::parse_u64(pieces[2]), end = ascii::parse_u64(pieces[3]);
  if (count < 3 || count == pieces.size() || !begin || !end) return std::nullopt;
  if (!canonical_name(pieces[0]) || !canonical_name(pieces[1])) return std::nullopt;
  return FileRange{*begin, *end};
}

void note_file_name(const Leaf& leaf, bool gzipped, const Report& report, AnyReport& out) {
  out.mail.file_name = kept(leaf.file_name);
  const auto range = range_of(leaf.file_name, gzipped);
  if (!range) return out.deviations.add(Deviation::file_name_form);
  const auto seconds = [](Time time) { return static_cast<std::uint64_t>(time.ns / kSecond); };
  if (range->begin != seconds(report.begin) || range->end != seconds(report.end))
    out.deviations.add(Deviation::file_name_body);
}

void note_part(const Leaf& leaf, const Decoded& decoded, AnyReport& out) {
  const bool gzip_type = leaf.type.ends_with("gzip"), json_type = leaf.type.ends_with("json");
  const bool gzipped = is_gzip(decoded.octets);
  if (leaf.type != "application/tlsrpt+gzip" && leaf.type != "application/tlsrpt+json")
    out.deviations.add(Deviation::part_type);
  if ((gzip_type && !gzipped) || (json_type && gzipped))
    out.deviations.add(Deviation::part_mismatch);
  if (leaf.depth > 1) out.deviations.add(Deviation::part_nested);
  if (leaf.depth > 0 && (leaf.place != 1 || leaf.of != 2))
    out.deviations.add(Deviation::part_order);
  if (!decoded.clean) out.deviations.add(Deviation::encoding_damaged);
}

void compare(const Report& report, AnyReport& out) {
  const MailFacts& mail = out.mail;
  const auto is_domain = [&](const PolicyReport& p) { return p.domain == mail.report_domain; };
  if (!mail.report_domain.empty() &&
      std::none_of(report.policies.begin(), report.policies.end(), is_domain))
    out.deviations.add(Deviation::domain_body);
  if (!mail.submitter.empty() && !report.contact.empty() &&
      mail.submitter != domain_of(report.contact))
    out.deviations.add(Deviation::submitter_contact);
  const std::string_view id = mail.subject_id;
  if (!id.empty() && id != report.report_id && id.substr(0, id.rfind('@')) != report.report_id)
    out.deviations.add(Deviation::subject_id);
}

// True: there is a report in it.
bool take_leaf(const Leaf& leaf, AnyReport& out) {
  const Decoded decoded = decode(leaf.body, leaf.encoding);
  auto read = read_octets(decoded.octets);
  if (!read) {
    if (!out.report && out.report.error() == Refusal::no_report)
      out.report = std::unexpected(read.error());
    return false;
  }
  note_part(leaf, decoded, out);
  note_file_name(leaf, is_gzip(decoded.octets), read->report, out);
  compare(read->report, out);
  out.deviations.add(read->deviations);
  out.report = std::move(read->report);
  return true;
}

}  // namespace

std::string_view name(AnyReport::Kind kind) {
  constexpr std::array<std::string_view, 3> kNames = {"json", "gzip", "mail"};
  return kNames.at(static_cast<std::size_t>(kind));
}

AnyReport read_mail(std::string_view octets) {
  AnyReport out;
  out.kind = AnyReport::Kind::mail;
  if (octets.size() > kInputBytes) {
    out.report = std::unexpected(Refusal::too_large);
    return out;
  }
  octets.remove_prefix(std::min(octets.size(), octets.find_first_not_of("\r\n")));
  const Entity message = parse_entity(octets);
  read_headers(message, out);
  const auto leaves = leaves_of(message);
  const auto is_plain = [](const Leaf& leaf) { return leaf.type == "text/plain"; };
  if (std::none_of(leaves.begin(), leaves.end(), is_plain))
    out.deviations.add(Deviation::no_plain_text);
  std::vector<std::pair<Likely, std::size_t>> candidates;
  for (std::size_t i = 0; i < leaves.size(); ++i)
    if (const Likely how = likely(leaves[i]); how != Likely::not_at_all)
      candidates.emplace_back(how, i);
  std::sort(candidates.begin(), candidates.end());
  for (std::size_t i = 0; i < candidates.size() && i < kMailTries; ++i)
    if (take_leaf(leaves[candidates[i].second], out)) break;
  return out;
}

AnyReport read_any(std::string_view octets) {
  const bool gzipped = is_gzip(octets);
  if (!gzipped && !begins_as_json(octets)) return read_mail(octets);
  AnyReport out;
  out.kind = gzipped ? AnyReport::Kind::gzip : AnyReport::Kind::json;
  auto read = read_octets(octets);
  if (!read) {
    out.report = std::unexpected(read.error());
    return out;
  }
  out.report = std::move(read->report);
  out.deviations = read->deviations;
  return out;
}

}  // namespace mxw::report
