#include "core/dkim/key_record.hpp"

#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/base/digest.hpp"
#include "core/dkim/tags.hpp"

namespace mxw::dkim {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

bool is_blank(char c) {
  return kBlanks.find(c) != std::string_view::npos;
}

bool is_name(std::string_view text) {
  return !text.empty() && ascii::is_alpha(text.front()) &&
         std::ranges::all_of(text, [](char c) { return ascii::is_alnum(c) || c == '_'; });
}

bool is_value(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return is_blank(c) || (c > ' ' && c < '\x7f'); });
}

bool has(const std::vector<std::string>& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  const std::size_t from = text.find_first_not_of(kBlanks);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(kBlanks) - from + 1);
}

std::string without_blanks(std::string_view text) {
  std::string out;
  std::ranges::copy_if(text, std::back_inserter(out), [](char c) { return !is_blank(c); });
  return out;
}

std::vector<std::string> colon_list(std::string_view text) {
  std::vector<std::string> out;
  for (;;) {
    const std::size_t colon = text.find(':');
    out.emplace_back(trimmed(text.substr(0, colon)));
    if (colon == std::string_view::npos) return out;
    text.remove_prefix(colon + 1);
  }
}

std::optional<TagList> TagList::parse(std::string_view text) {
  TagList list;
  for (;;) {
    const std::size_t end = std::min(text.find(';'), text.size());
    const std::string_view tag = text.substr(0, end);
    const bool last = end == text.size();
    // Only behind the last semicolon may nothing stand.
    if (last && trimmed(tag).empty()) return list;
    const std::size_t equals = tag.find('=');
    if (equals == std::string_view::npos || list.tags_.size() == kTags) return std::nullopt;
    const std::string_view name = trimmed(tag.substr(0, equals)), all = tag.substr(equals + 1);
    if (!is_name(name) || !is_value(all) || list.find(name) != nullptr) return std::nullopt;
    list.tags_.push_back({.name = name, .value = trimmed(all), .all = all});
    if (last) return list;
    text.remove_prefix(end + 1);
  }
}

const Tag* TagList::find(std::string_view name) const {
  const auto at = std::ranges::find(tags_, name, &Tag::name);
  return at == tags_.end() ? nullptr : &*at;
}

std::string_view TagList::value(std::string_view name, std::string_view otherwise) const {
  const Tag* const tag = find(name);
  return tag != nullptr ? tag->value : otherwise;
}

std::expected<KeyRecord, std::string_view> parse_key_record(std::string_view txt) {
  if (txt.size() > kKeyRecordBytes) return std::unexpected("key-too-large");
  const auto tags = TagList::parse(txt);
  if (!tags) return std::unexpected("key-syntax");
  const Tag* const version = tags->find("v");
  if (version != nullptr && (version != tags->first() || version->value != "DKIM1"))
    return std::unexpected("key-version");
  KeyRecord record;
  const std::string_view type = tags->value("k", "rsa");
  if (type != "rsa" && type != "ed25519") return std::unexpected("key-type");
  record.type = type == "rsa" ? KeyRecord::Type::rsa : KeyRecord::Type::ed25519;
  const Tag* const key = tags->find("p");
  if (key == nullptr) return std::unexpected("key-without-p");
  auto octets = from_base64(without_blanks(key->value));
  if (!octets) return std::unexpected("key-syntax");
  record.key = std::move(*octets);
  if (const Tag* const hashes = tags->find("h"))
    record.sha256 = has(colon_list(hashes->value), "sha256");
  if (const Tag* const services = tags->find("s")) {
    const auto list = colon_list(services->value);
    record.for_email = has(list, "*") || has(list, "email");
    record.for_tlsrpt = has(list, "*") || has(list, "tlsrpt");
  }
  if (const Tag* const flags = tags->find("t")) {
    const auto list = colon_list(flags->value);
    record.testing = has(list, "y");
    record.same_domain = has(list, "s");
  }
  return record;
}

}  // namespace mxw::dkim
