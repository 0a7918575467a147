#include "core/dkim/message.hpp"

#include <algorithm>
#include <unordered_map>

#include "core/base/ascii.hpp"

namespace mxw::dkim {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

// The next line with its end, taken off the text.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find(kLineEnd);
  const std::size_t size = end == std::string_view::npos ? text.size() : end + kLineEnd.size();
  const std::string_view line = text.substr(0, size);
  text.remove_prefix(size);
  return line;
}

std::string_view name_in(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return {};
  std::string_view name = line.substr(0, colon);
  while (!name.empty() && ascii::is_blank(name.back())) name.remove_suffix(1);
  const bool good = std::ranges::all_of(name, [](char c) { return c > ' ' && c < '\x7f'; });
  return good ? name : std::string_view{};
}

// Runs of blanks become one space, those at the end nothing.
void append_squeezed(std::string_view line, std::string& out) {
  bool blank = false;
  for (const char c : line) {
    if (ascii::is_blank(c)) {
      blank = true;
      continue;
    }
    if (blank) out += ' ';
    blank = false;
    out += c;
  }
}

// The canonical body as it comes, hashed up to a length.
class HashedBody {
 public:
  explicit HashedBody(std::size_t length) : left_(length) {}

  void add(std::string_view octets) {
    size_ += octets.size();
    const std::string_view hashed = octets.substr(0, left_);
    left_ -= hashed.size();
    buffer_ += hashed;
    if (buffer_.size() >= kPiece) flush();
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] Sha256 finish() {
    flush();
    return hash_.finish();
  }

 private:
  static constexpr std::size_t kPiece = 16'384;

  void flush() {
    hash_.update(as_bytes(buffer_));
    buffer_.clear();
  }

  std::size_t left_, size_ = 0;
  std::string buffer_;
  Sha256Stream hash_;
};

}  // namespace

bool split(std::string_view message, Message& out) {
  out = {};
  if (message.size() > kMessageBytes) return false;
  std::string_view rest = message;
  bool of_field = false;  // what a folded line belongs to
  while (!rest.empty()) {
    const std::size_t at = message.size() - rest.size();
    const std::string_view line = take_line(rest);
    if (line == kLineEnd) break;
    if (at + line.size() > kHeaderBytes) return false;
    if (ascii::is_blank(line.front())) {
      if (!of_field) continue;
      std::string_view& raw = out.fields.back().raw;
      raw = {raw.data(), raw.size() + line.size()};
      continue;
    }
    const std::string_view name = name_in(line);
    of_field = !name.empty();
    if (!of_field) continue;
    if (out.fields.size() == kHeaderFields) return false;
    out.fields.push_back({.name = name, .raw = line});
  }
  out.body = rest;
  return true;
}

std::string canonical_field(std::string_view raw, Form form) {
  if (raw.ends_with(kLineEnd)) raw.remove_suffix(kLineEnd.size());
  std::string out;
  if (form == Form::simple) {
    out = raw;
  } else {
    const std::size_t colon = std::min(raw.find(':'), raw.size());
    append_squeezed(ascii::to_lower(raw.substr(0, colon)), out);
    out += ':';
    std::string value;
    for (std::string_view rest = raw.substr(std::min(colon + 1, raw.size())); !rest.empty();) {
      std::string_view line = take_line(rest);
      if (line.ends_with(kLineEnd)) line.remove_suffix(kLineEnd.size());
      value += line;
    }
    append_squeezed(ascii::trim(value), out);
  }
  return out += kLineEnd;
}

Sha256 body_hash(std::string_view body, Form form, std::size_t length, std::size_t* size) {
  HashedBody hashed(length);
  std::size_t empty_lines = 0;  // counted until a line follows: those at the end are left out
  std::string squeezed;
  while (!body.empty()) {
    std::string_view line = take_line(body);
    if (line.ends_with(kLineEnd)) line.remove_suffix(kLineEnd.size());
    if (form == Form::relaxed) {
      squeezed.clear();
      append_squeezed(line, squeezed);
      line = squeezed;
    }
    if (line.empty()) {
      ++empty_lines;
      continue;
    }
    for (; empty_lines > 0; --empty_lines) hashed.add(kLineEnd);
    hashed.add(line);
    hashed.add(kLineEnd);
  }
  // Section 3.4.3: an empty body is one line end; section 3.4.4: it is empty.
  if (form == Form::simple && hashed.size() == 0) hashed.add(kLineEnd);
  if (size != nullptr) *size = hashed.size();
  return hashed.finish();
}

std::vector<const Field*> select(const Message& message, const std::vector<std::string>& names) {
  std::unordered_map<std::string, std::vector<const Field*>> left;
  for (const Field& field : message.fields) left[ascii::to_lower(field.name)].push_back(&field);
  std::vector<const Field*> out;
  for (const std::string& name : names) {
    const auto found = left.find(ascii::to_lower(name));
    if (found == left.end() || found->second.empty()) {
      out.push_back(nullptr);
      continue;
    }
    out.push_back(found->second.back());
    found->second.pop_back();
  }
  return out;
}

}  // namespace mxw::dkim
