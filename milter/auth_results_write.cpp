// Our own header (RFC 8601 section 2.2).
#include <algorithm>

#include "core/base/ascii.hpp"
#include "milter/auth_results.hpp"
#include "milter/text.hpp"

namespace mxw::milter {
namespace {

constexpr std::size_t kLine = 78;       // RFC 5322 section 2.1.1
constexpr std::size_t kNameBytes = 24;  // `Authentication-Results: `

// RFC 2045 section 5.1.
bool is_token_char(char c) {
  return c > ' ' && c <= '~' && !std::string_view("()<>@,;:\\\"/[]?=").contains(c);
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : printable(text, kDomainBytes)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string value_of(std::string_view text) {
  const std::string plain = printable(text, kDomainBytes);
  if (!plain.empty() && std::ranges::all_of(plain, is_token_char)) return plain;
  return quoted(plain);
}

// Words with one blank between, or a fold where the line gets too long.
class Folder {
 public:
  void word(const std::string& text) {
    if (!out_.empty() && column_ + 1 + text.size() + 1 > kLine) {  // and a semicolon behind it
      out_ += "\n\t";
      column_ = 1;
    } else if (!out_.empty()) {
      out_ += ' ';
      ++column_;
    }
    out_ += text;
    column_ += text.size();
  }
  void semicolon() {
    out_ += ';';
    ++column_;
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  std::string out_;
  std::size_t column_ = kNameBytes;
};

}  // namespace

std::string authentication_results(std::string_view authserv_id,
                                   const std::vector<MethodResult>& results) {
  Folder folder;
  folder.word(value_of(authserv_id));
  if (results.empty()) {
    folder.semicolon();
    folder.word("none");
  }
  for (const MethodResult& one : results) {
    folder.semicolon();
    folder.word(std::string(one.method) + '=' + std::string(one.result));
    if (!one.reason.empty()) folder.word("reason=" + quoted(one.reason));
    for (const Property& property : one.properties) {
      if (!property.value.empty())
        folder.word(std::string(property.name) + '=' + value_of(property.value));
    }
  }
  return folder.take();
}

}  // namespace mxw::milter
