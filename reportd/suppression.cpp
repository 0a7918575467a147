#include "reportd/suppression.hpp"

#include <algorithm>
#include <utility>

#include "core/base/ascii.hpp"

namespace mxw::reportd {
namespace {

constexpr std::size_t kFields = 64;  // of one header or recipient that are looked at
constexpr std::size_t kAddressBytes = 320;

using Fields = std::vector<std::pair<std::string, std::string>>;  // names in lower case

// A line without its end, taken off the text.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// Fields up to the first empty line, unfolded; the text behind it stays.
Fields take_fields(std::string_view& text) {
  Fields fields;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.empty()) break;
    if (ascii::is_blank(line.front())) {
      if (!fields.empty()) fields.back().second += line;
      continue;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || fields.size() == kFields) continue;
    fields.emplace_back(ascii::to_lower(ascii::trim(line.substr(0, colon))),
                        ascii::trim(line.substr(colon + 1)));
  }
  return fields;
}

std::string_view value_of(const Fields& fields, std::string_view name) {
  const auto at = std::ranges::find(fields, name, &Fields::value_type::first);
  return at == fields.end() ? std::string_view{} : std::string_view(at->second);
}

struct MediaType {
  std::string type;      // `multipart/report`
  std::string boundary;  // empty: none
};

// A token or quoted string, taken off the text.
std::string take_value(std::string_view& text) {
  std::string value;
  if (!text.starts_with('"')) {
    value = ascii::trim(text.substr(0, text.find(';')));
    text.remove_prefix(std::min(text.find(';'), text.size()));
    return value;
  }
  std::size_t at = 1;
  for (; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\' && at + 1 < text.size()) ++at;
    value += text[at];
  }
  text.remove_prefix(std::min(at + 1, text.size()));
  return value;
}

// RFC 2045 section 5.1, as far as it is needed to find the parts.
MediaType media_type(std::string_view text) {
  MediaType out;
  out.type = ascii::to_lower(ascii::trim(text.substr(0, text.find(';'))));
  text.remove_prefix(std::min(text.find(';'), text.size()));
  while (text.starts_with(';')) {
    text = ascii::trim(text.substr(1));
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) break;
    const bool boundary = ascii::iequals(ascii::trim(text.substr(0, equals)), "boundary");
    text = ascii::trim(text.substr(equals + 1));
    std::string value = take_value(text);
    if (boundary && out.boundary.empty()) out.boundary = std::move(value);
    text = ascii::trim(text);
  }
  return out;
}

// The parts of a multipart body (RFC 2046 section 5.1.1), views into it.
std::vector<std::string_view> parts_of(std::string_view body, const std::string& boundary) {
  std::vector<std::string_view> parts;
  const std::string mark = "--" + boundary;
  const char* begin = nullptr;
  while (!body.empty() && parts.size() < kBounceParts) {
    const char* const at = body.data();
    const std::string_view line = take_line(body);
    if (!line.starts_with(mark)) continue;
    if (begin != nullptr) parts.emplace_back(begin, static_cast<std::size_t>(at - begin));
    begin = body.data();
    if (line.substr(mark.size()).starts_with("--")) return parts;
  }
  // Cut off before the last boundary: what is there counts all the same.
  if (begin != nullptr && parts.size() < kBounceParts)
    parts.emplace_back(begin, static_cast<std::size_t>(body.data() + body.size() - begin));
  return parts;
}

// `rfc822; user@example.net`
void add_typed(std::string_view text, std::vector<std::string>& out) {
  const std::size_t semicolon = text.find(';');
  if (semicolon == std::string_view::npos ||
      !ascii::iequals(ascii::trim(text.substr(0, semicolon)), "rfc822"))
    return;
  std::string_view address = ascii::trim(text.substr(semicolon + 1));
  if (address.starts_with('<') && address.ends_with('>'))
    address = address.substr(1, address.size() - 2);
  if (!address.empty() && address.size() <= kAddressBytes) out.emplace_back(address);
}

// The one mailbox of a To field of ours: `<user@example.net>` or bare.
void add_mailbox(std::string_view text, std::vector<std::string>& out) {
  const std::size_t open = text.rfind('<');
  if (open != std::string_view::npos) text = text.substr(open + 1, text.find('>', open) - open - 1);
  text = ascii::trim(text);
  if (!text.empty() && text.size() <= kAddressBytes) out.emplace_back(text);
}

// RFC 3464 section 2: fields of the message, then of each recipient.
void read_status(std::string_view text, Bounce& bounce) {
  (void)take_fields(text);
  for (std::size_t i = 0; i < kBounceRecipients && !text.empty(); ++i) {
    const Fields fields = take_fields(text);
    const std::string_view status = value_of(fields, "status");
    if (!ascii::iequals(value_of(fields, "action"), "failed") || !status.starts_with("5."))
      continue;
    if (bounce.status.empty()) bounce.status = status.substr(0, 16);
    add_typed(value_of(fields, "original-recipient"), bounce.failed);
    add_typed(value_of(fields, "final-recipient"), bounce.failed);
  }
}

}  // namespace

std::optional<Bounce> read_bounce(std::string_view message) {
  if (message.size() > kBounceBytes) return std::nullopt;
  const MediaType outer = media_type(value_of(take_fields(message), "content-type"));
  if (outer.type != "multipart/report" || outer.boundary.empty()) return std::nullopt;
  Bounce bounce;
  bool status = false;
  for (std::string_view part : parts_of(message, outer.boundary)) {
    const std::string type = media_type(value_of(take_fields(part), "content-type")).type;
    if (type == "message/delivery-status") {
      status = true;
      read_status(part, bounce);
    } else if (type == "message/rfc822" || type == "text/rfc822-headers") {
      add_mailbox(value_of(take_fields(part), "to"), bounce.to);
    }
  }
  if (!status) return std::nullopt;
  return bounce;
}

Suppression::Suppression(store::ReportStore& store, ReturnPath return_path, std::string origin,
                         std::uint32_t tenant)
    : store_(store),
      return_path_(std::move(return_path)),
      origin_(std::move(origin)),
      tenant_(tenant) {}

bool Suppression::is_return_path(std::string_view mailbox) const {
  return return_path_.token(mailbox).has_value();
}

Suppression::Taken Suppression::take(std::string_view recipient, std::string_view message,
                                     Time now) {
  const auto token = return_path_.token(recipient);
  const auto bounce = read_bounce(message);
  // Without a status of class 5 nothing has failed for good.
  if (!token || !bounce || bounce->status.empty()) {
    ++counters_.no_bounce;
    return Taken::ignored;
  }
  std::vector<std::string> named = bounce->failed;
  named.insert(named.end(), bounce->to.begin(), bounce->to.end());
  const auto whose = std::ranges::find_if(
      named, [&](const std::string& address) { return return_path_.valid(*token, address); });
  if (whose == named.end()) {
    ++counters_.bad_token;
    return Taken::ignored;
  }
  const auto put = store_.put_suppression({.tenant = tenant_,
                                           .origin = origin_,
                                           .address = ascii::to_lower(*whose),
                                           .reason = "bounced with status " + bounce->status,
                                           .since = now,
                                           .until = now + kSuppressionSpan});
  if (!put) {
    ++counters_.store_errors;
    return Taken::store_error;
  }
  ++counters_.suppressed;
  return Taken::yes;
}

}  // namespace mxw::reportd
