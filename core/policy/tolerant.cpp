// The text is put right and given to the strict reader: what it does not forgive, this does not.
#include "core/policy/tolerant.hpp"

#include <algorithm>
#include <utility>

#include "core/base/ascii.hpp"
#include "core/base/limits.hpp"
#include "core/mail/name.hpp"

namespace mxw::policy {
namespace {

using Forgiven = std::vector<std::string>;

void forgive(Forgiven& forgiven, const std::string& what) {
  if (std::find(forgiven.begin(), forgiven.end(), what) == forgiven.end()) forgiven.push_back(what);
}

std::string mended_record(std::string_view txt, Forgiven& forgiven) {
  const std::string_view trimmed = ascii::trim(txt);
  if (trimmed.size() != txt.size()) forgive(forgiven, "blanks at either end");
  std::string out;
  bool after_semicolon = false;
  for (std::size_t i = 0; i < trimmed.size(); ++i) {
    if (trimmed[i] == ';' && after_semicolon) {
      forgive(forgiven, "an empty field");
      continue;
    }
    if (!ascii::is_blank(trimmed[i])) after_semicolon = trimmed[i] == ';';
    out += trimmed[i];
  }
  // Blanks behind the last semicolon went with the ends; those before a dropped one are left.
  while (!out.empty() && ascii::is_blank(out.back())) out.pop_back();
  return out;
}

struct MendedPolicy {
  std::string text;
  std::vector<std::size_t> line_of;  // of the text, where each of its lines stood
  Forgiven forgiven;
  std::size_t more = 0;

  void tell(std::size_t line, const char* what) {
    if (forgiven.size() < kForgiven)
      forgiven.push_back("line " + std::to_string(line) + ": " + what);
    else
      ++more;
  }
};

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// `mx: *.bücher.example` with A-labels; the line as it is where there is nothing to convert.
std::string with_a_labels(std::string_view line, bool& converted) {
  const std::size_t colon = line.find(':');
  if (line.substr(0, colon) != "mx" || is_ascii(line)) return std::string(line);
  const std::string_view value = ascii::trim(line.substr(colon + 1));
  const bool wildcard = value.starts_with("*.");
  const auto name = mail::HostName::parse(wildcard ? value.substr(2) : value);
  if (!name) return std::string(line);
  converted = true;
  return std::string("mx: ") + (wildcard ? "*." : "") + name->text();
}

MendedPolicy mended_policy(std::string_view body) {
  MendedPolicy out;
  for (std::size_t number = 1; !body.empty(); ++number) {
    const std::size_t end = body.find('\n');
    std::string_view line = body.substr(0, end);
    body.remove_prefix(end == std::string_view::npos ? body.size() : end + 1);
    if (end != std::string_view::npos && line.ends_with('\r')) line.remove_suffix(1);
    const std::size_t indent = static_cast<std::size_t>(
        std::find_if_not(line.begin(), line.end(), ascii::is_blank) - line.begin());
    if (indent == line.size()) {
      out.tell(number, "blank");
      continue;
    }
    if (indent > 0) out.tell(number, "indented");
    bool converted = false;
    if (!out.text.empty()) out.text += '\n';
    out.text += with_a_labels(line.substr(indent), converted);
    out.line_of.push_back(number);
    if (converted) out.tell(number, "U-labels");
  }
  if (out.more > 0) out.forgiven.back() += ", and " + std::to_string(out.more) + " more";
  return out;
}

}  // namespace

std::expected<Tolerant<StsRecord>, Invalid> parse_sts_record_tolerant(std::string_view txt) {
  if (auto strict = parse_sts_record(txt)) return Tolerant<StsRecord>{std::move(*strict), {}};
  Forgiven forgiven;
  auto record = parse_sts_record(mended_record(txt, forgiven));
  if (!record) return std::unexpected(std::move(record.error()));
  return Tolerant<StsRecord>{std::move(*record), std::move(forgiven)};
}

std::expected<Tolerant<StsRecord>, Invalid> select_sts_record_tolerant(
    const std::vector<std::string>& txts) {
  if (auto strict = select_sts_record(txts)) return Tolerant<StsRecord>{std::move(*strict), {}};
  Forgiven forgiven;
  std::vector<std::string> mended;
  for (const std::string& txt : txts) {
    Forgiven here;
    mended.push_back(mended_record(txt, here));
    if (!mended.back().starts_with("v=STSv1")) continue;  // another's record, not ours to mend
    for (const std::string& what : here) forgive(forgiven, what);
  }
  auto record = select_sts_record(mended);
  if (!record) return std::unexpected(std::move(record.error()));
  return Tolerant<StsRecord>{std::move(*record), std::move(forgiven)};
}

std::expected<Tolerant<StsPolicy>, Invalid> parse_sts_policy_tolerant(std::string_view body) {
  if (body.size() > limits::kPolicyBytes) return std::unexpected(Invalid{"too large", 1});
  MendedPolicy mended = mended_policy(body);
  auto policy = parse_sts_policy(mended.text);
  if (policy) return Tolerant<StsPolicy>{std::move(*policy), std::move(mended.forgiven)};
  Invalid invalid = std::move(policy.error());
  const std::size_t place = std::min(invalid.line, mended.line_of.size());
  invalid.line = place == 0 ? 1 : mended.line_of[place - 1];
  return std::unexpected(std::move(invalid));
}

}  // namespace mxw::policy
