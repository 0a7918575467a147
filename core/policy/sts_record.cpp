// The TXT record of `_mta-sts.DOMAIN`, RFC 8461 section 3.1.
#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/policy/mta_sts.hpp"

namespace mxw::policy {
namespace {

constexpr std::string_view kVersion = "v=STSv1";  // case-sensitive (%s)
constexpr std::size_t kIdChars = 32;
constexpr std::size_t kExtensionNameChars = 32;

void skip_blanks(std::string_view& text) {
  while (!text.empty() && ascii::is_blank(text.front())) text.remove_prefix(1);
}

// The longest run of characters `wanted` takes, removed from the text.
template <typename Predicate>
std::string_view take_while(std::string_view& text, Predicate wanted) {
  const auto end = std::find_if_not(text.begin(), text.end(), wanted);
  const std::string_view run = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(run.size());
  return run;
}

bool is_name_char(char c) {
  return ascii::is_alnum(c) || c == '_' || c == '-' || c == '.';
}
bool is_value_char(char c) {
  return c > ' ' && c < 0x7f && c != ';' && c != '=';
}
bool is_ascii(char c) {
  return static_cast<unsigned char>(c) < 0x80;
}

// sts-field-delim = *WSP ";" *WSP
bool take_delimiter(std::string_view& text) {
  skip_blanks(text);
  if (!text.starts_with(';')) return false;
  text.remove_prefix(1);
  skip_blanks(text);
  return true;
}

struct Field {
  std::string_view name, value;
};

// sts-extension = sts-ext-name "=" sts-ext-value. An id is read as one too, so that a bad id is
// told apart from a text that is no record.
bool take_field(std::string_view& text, Field& field) {
  field.name = take_while(text, is_name_char);
  if (field.name.empty() || field.name.size() > kExtensionNameChars) return false;
  if (!ascii::is_alnum(field.name.front()) || !text.starts_with('=')) return false;
  text.remove_prefix(1);
  field.value = take_while(text, is_value_char);
  return !field.value.empty();
}

bool is_id(std::string_view id) {
  return id.size() <= kIdChars && std::all_of(id.begin(), id.end(), ascii::is_alnum);
}

// Section 3.1 discards what does not begin with "v=STSv1;", though its own grammar allows blanks
// before the semicolon (erratum 6285): such a record stays a candidate.
bool is_candidate(std::string_view txt) {
  if (!txt.starts_with(kVersion)) return false;
  txt.remove_prefix(kVersion.size());
  return take_delimiter(txt);
}

std::unexpected<Invalid> invalid(std::string_view reason) {
  return std::unexpected(Invalid{std::string(reason)});
}

}  // namespace

std::expected<StsRecord, Invalid> parse_sts_record(std::string_view txt) {
  if (!txt.starts_with(kVersion)) return invalid("not-sts");
  if (!std::all_of(txt.begin(), txt.end(), is_ascii)) return invalid("not-ascii");
  txt.remove_prefix(kVersion.size());

  std::string_view id;
  bool any_field = false, id_seen = false;
  while (!txt.empty()) {
    if (!take_delimiter(txt)) return invalid("syntax");
    if (txt.empty()) break;  // the one delimiter allowed behind the last field
    Field field;
    if (!take_field(txt, field)) return invalid("syntax");
    any_field = true;
    if (field.name != "id" || id_seen) continue;  // section 3.2: of duplicates the first counts
    id_seen = true;
    id = field.value;
  }
  if (!any_field) return invalid("syntax");
  if (!id_seen) return invalid("no-id");
  if (!is_id(id)) return invalid("id");
  return StsRecord{std::string(id)};
}

std::expected<StsRecord, Invalid> select_sts_record(const std::vector<std::string>& txts) {
  const auto first = std::find_if(txts.begin(), txts.end(), is_candidate);
  if (first == txts.end() || std::any_of(first + 1, txts.end(), is_candidate))
    return invalid("no policy");
  auto record = parse_sts_record(*first);
  if (!record) return invalid("no policy");
  return record;
}

}  // namespace mxw::policy
