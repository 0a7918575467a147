#include "core/report/mime.hpp"

#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/report/limits.hpp"

namespace mxw::report {
namespace {

constexpr std::size_t kBoundaryBytes = 256;  // RFC 2046 section 5.1.1 has 70

// The line at the start of `rest`, with its end; taken off.
std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  const std::size_t size = end == std::string_view::npos ? rest.size() : end + 1;
  const std::string_view line = rest.substr(0, size);
  rest.remove_prefix(size);
  return line;
}

std::string_view without_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

void add_header_line(std::string_view line, std::vector<Field>& fields) {
  if (ascii::is_blank(line.front())) {
    if (!fields.empty()) fields.back().value += line;
    return;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  fields.push_back({ascii::trim(line.substr(0, colon)), std::string(line.substr(colon + 1))});
}

// A parameter's value and what follows it.
std::string take_value(std::string_view& rest) {
  std::string value;
  if (!rest.starts_with('"')) {
    value = ascii::trim_line(rest.substr(0, rest.find(';')));
    rest.remove_prefix(std::min(rest.size(), rest.find(';')));
    return value;
  }
  std::size_t at = 1;
  for (; at < rest.size() && rest[at] != '"'; ++at) {
    if (rest[at] == '\\' && at + 1 < rest.size()) ++at;
    value += rest[at];
  }
  rest.remove_prefix(std::min(rest.size(), at));
  rest.remove_prefix(std::min(rest.size(), rest.find(';')));
  return value;
}

// `utf-8''a%20b` (RFC 2231 section 4).
std::string percent_decoded(std::string_view value) {
  for (int quotes = 0; quotes < 2; ++quotes) {
    const std::size_t quote = value.find('\'');
    if (quote == std::string_view::npos) break;
    value.remove_prefix(quote + 1);
  }
  std::string as_printable(value);  // quoted-printable with another sign
  std::replace(as_printable.begin(), as_printable.end(), '=', '?');
  std::replace(as_printable.begin(), as_printable.end(), '%', '=');
  return decode(as_printable, "quoted-printable").octets;
}

// The line `--BOUNDARY`, or `--BOUNDARY--` that ends the parts.
enum class Delimiter : std::uint8_t { none, next, last };
Delimiter delimiter(std::string_view line, std::string_view boundary) {
  if (!line.starts_with("--") || !line.substr(2).starts_with(boundary)) return Delimiter::none;
  const std::string_view behind = ascii::trim_line(line.substr(2 + boundary.size()));
  if (behind.empty()) return Delimiter::next;
  return behind == "--" ? Delimiter::last : Delimiter::none;
}

std::vector<std::string_view> parts_of(std::string_view body, std::string_view boundary) {
  std::vector<std::string_view> parts;
  const char* begin = nullptr;  // of the part that is open
  const auto close = [&](const char* end) {
    if (begin != nullptr)
      parts.push_back(without_end({begin, static_cast<std::size_t>(end - begin)}));
    begin = nullptr;
  };
  std::string_view rest = body;
  while (!rest.empty() && parts.size() < kMailParts) {
    const std::string_view line = take_line(rest);
    const Delimiter kind = delimiter(line, boundary);
    if (kind == Delimiter::none) continue;
    close(line.data());
    if (kind == Delimiter::last) return parts;
    begin = rest.data();
  }
  if (parts.size() < kMailParts) close(body.data() + body.size());
  return parts;
}

class Walk {
 public:
  void entity(const Entity& at, std::size_t place, std::size_t of, std::size_t depth) {
    if (leaves.size() == kMailParts || depth > kMailDepth) return;
    const Parameters type = parse_parameters(at.value("Content-Type"));
    const std::string encoding =
        ascii::to_lower(parse_parameters(at.value("Content-Transfer-Encoding")).word);
    const std::string boundary = type.get("boundary");
    if (type.word.starts_with("multipart/") && !boundary.empty() &&
        boundary.size() <= kBoundaryBytes) {
      const auto parts = parts_of(at.body, boundary);
      for (std::size_t i = 0; i < parts.size(); ++i)
        entity(parse_entity(parts[i]), i, parts.size(), depth + 1);
      return;
    }
    if (type.word == "message/rfc822") return entity(parse_entity(at.body), place, of, depth + 1);
    const Parameters disposition = parse_parameters(at.value("Content-Disposition"));
    std::string file_name = disposition.get("filename");
    if (file_name.empty()) file_name = type.get("name");
    leaves.push_back({type.word.empty() ? "text/plain" : type.word, std::move(file_name), encoding,
                      at.body, place, of, depth});
  }

  std::vector<Leaf> leaves;
};

}  // namespace

const Field* Entity::field(std::string_view name) const {
  const auto at = std::find_if(fields.begin(), fields.end(), [&](const Field& field) {
    return ascii::iequals(field.name, name);
  });
  return at == fields.end() ? nullptr : &*at;
}

std::string Entity::value(std::string_view name) const {
  const Field* found = field(name);
  return found == nullptr ? "" : found->value;
}

Entity parse_entity(std::string_view octets) {
  Entity entity;
  std::string_view rest = octets;
  while (!rest.empty()) {
    const std::string_view line = without_end(take_line(rest));
    if (line.empty()) break;
    if (octets.size() - rest.size() <= kHeaderBytes) add_header_line(line, entity.fields);
  }
  for (Field& field : entity.fields) field.value = ascii::trim_line(field.value);
  entity.body = rest;
  return entity;
}

std::string Parameters::get(std::string_view name) const {
  for (const auto& [key, value] : all)
    if (key == name) return value;
  return {};
}

Parameters parse_parameters(std::string_view value) {
  Parameters parameters;
  const std::size_t semicolon = value.find(';');
  parameters.word = ascii::to_lower(ascii::trim_line(value.substr(0, semicolon)));
  std::string_view rest = value;
  rest.remove_prefix(std::min(rest.size(), semicolon));
  while (rest.starts_with(';')) {
    rest.remove_prefix(1);
    const std::size_t end = rest.find_first_of("=;");
    std::string name = ascii::to_lower(ascii::trim_line(rest.substr(0, end)));
    rest.remove_prefix(std::min(rest.size(), end));
    if (!rest.starts_with('=')) continue;
    rest = ascii::trim_line(rest.substr(1));
    std::string text = take_value(rest);
    if (name.ends_with('*')) {
      name.pop_back();
      text = percent_decoded(text);
    }
    parameters.all.emplace_back(std::move(name), std::move(text));
  }
  return parameters;
}

std::vector<Leaf> leaves_of(const Entity& message) {
  Walk walk;
  walk.entity(message, 0, 1, 0);
  return std::move(walk.leaves);
}

}  // namespace mxw::report
