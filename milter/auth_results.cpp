#include "milter/auth_results.hpp"

#include <algorithm>
#include <array>

#include "core/base/ascii.hpp"
#include "core/mail/name.hpp"

namespace mxw::milter {
namespace {

constexpr std::array<std::string_view, 2> kOwnMethods = {kMethodTls, kMethodMtaSts};

// What a header is made of, lexically (RFC 5322 section 3.2). A token is a run of anything else,
// which is wider than RFC 2045 allows: what others write is to be read, not to be judged.
enum class Kind : std::uint8_t { token, quoted, semicolon, equals, slash, comment, end, bad };

struct Lexeme {
  Kind kind = Kind::end;
  std::size_t begin = 0, end = 0;  // of the value
};

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool is_control(char c) {
  return (static_cast<unsigned char>(c) < 0x20 && !is_space(c)) || c == 0x7f;
}

bool ends_token(char c) {
  return is_space(c) || is_control(c) || std::string_view(";=/\"()").contains(c);
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  // The next lexeme that is no white space. `bad`: a control character, a quoted string or a
  // comment without end, a parenthesis that closes nothing; nothing follows it.
  Lexeme next() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    const std::size_t begin = at_;
    if (at_ == text_.size()) return {Kind::end, begin, begin};
    const Kind kind = take();
    if (kind == Kind::bad) at_ = text_.size();
    return {kind, begin, at_};
  }

  // As next(), comments passed over.
  Lexeme next_word() {
    Lexeme lexeme = next();
    while (lexeme.kind == Kind::comment) lexeme = next();
    return lexeme;
  }

 private:
  Kind take() {
    switch (text_[at_]) {
      case ';':
        ++at_;
        return Kind::semicolon;
      case '=':
        ++at_;
        return Kind::equals;
      case '/':
        ++at_;
        return Kind::slash;
      case '"':
        return take_quoted();
      case '(':
        return take_comment();
      case ')':
        return Kind::bad;
      default:
        break;
    }
    if (is_control(text_[at_])) return Kind::bad;
    while (at_ < text_.size() && !ends_token(text_[at_])) ++at_;
    return Kind::token;
  }

  Kind take_quoted() {
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        ++at_;
        return Kind::quoted;
      }
      if (text_[at_] == '\\') ++at_;
      if (at_ < text_.size() && is_control(text_[at_])) return Kind::bad;
    }
    return Kind::bad;
  }

  Kind take_comment() {
    std::size_t depth = 0;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (is_control(c)) return Kind::bad;
      if (c == '\\') ++at_;
      if (c == '(') ++depth;
      if (c == ')' && --depth == 0) {
        ++at_;
        return Kind::comment;
      }
    }
    return Kind::bad;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

bool is_own_method(std::string_view token) {
  return std::ranges::any_of(kOwnMethods, [&](auto own) { return ascii::iequals(own, token); });
}

bool icontains(std::string_view text, std::string_view part) {
  return !std::ranges::search(text, part, {}, ascii::lower, ascii::lower).empty();
}

bool names_own_method(std::string_view text) {
  return std::ranges::any_of(kOwnMethods, [&](auto own) { return icontains(text, own); });
}

std::string unquoted(std::string_view text) {
  std::string plain;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] == '\\' && i + 2 < text.size()) ++i;
    if (text[i] != '\r' && text[i] != '\n') plain += text[i];  // a fold inside is no part of it
  }
  return plain;
}

std::string_view without_dot(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

// RFC 8601 section 2.2 allows U-labels in an id where the message is internationalised.
bool same_id(std::string_view a, std::string_view b) {
  a = without_dot(a);
  b = without_dot(b);
  if (a.empty() || b.empty()) return false;
  if (ascii::iequals(a, b)) return true;
  const auto name = mail::DnsName::parse(a);
  return name.has_value() && name == mail::DnsName::parse(b);
}

bool is_ours(std::string_view value, const Lexeme& id, std::string_view authserv_id) {
  const std::string_view text = value.substr(id.begin, id.end - id.begin);
  if (id.kind == Kind::token) return same_id(text, authserv_id);
  if (id.kind != Kind::quoted) return false;
  const std::string plain = unquoted(text);
  const std::string_view name = plain;
  return same_id(ascii::trim(name), authserv_id) ||
         same_id(ascii::trim(name.substr(0, name.find('/'))), authserv_id);
}

// What was read of a header after its id.
struct Clauses {
  struct Span {
    std::size_t begin = 0, end = 0;  // with the semicolon before it
  };
  std::vector<Span> own;
  bool others = false;   // a clause of another method, or `none`
  bool unclear = false;  // no grammar gives it, and one of our methods stands where a method might
};

// `method [/ version] =` where it stands in the lexemes of one clause: `own` when that is a method
// of ours. Any later `OURS =` is no property, for these have a dot in their names: `unclear`; but
// not where it is within a value: the local part of an address may hold `=` and `/` (RFC 5322
// atext), and whoever chooses an address does not choose which headers go.
class ClauseReader {
 public:
  enum class Part : std::uint8_t { head, clause };  // head: before the first semicolon
  ClauseReader(std::string_view value, Part part) : value_(value), part_(part) {}

  void take(const Lexeme& lexeme) {
    const bool assigns = lexeme.kind == Kind::equals || lexeme.kind == Kind::slash;
    if (assigns && pending_) (count_ == 1 ? own_ : unclear_) = true;
    const bool within_value = part_ == Part::clause && assigned_ && count_ >= 2;
    pending_ = !within_value && is_own_name(lexeme);
    assigned_ = assigns;
    ++count_;
  }

  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] bool own() const { return own_; }
  [[nodiscard]] bool unclear() const { return unclear_; }

 private:
  [[nodiscard]] bool is_own_name(const Lexeme& lexeme) const {
    const std::string_view text = value_.substr(lexeme.begin, lexeme.end - lexeme.begin);
    return (lexeme.kind == Kind::token && is_own_method(text)) ||
           (lexeme.kind == Kind::quoted && is_own_method(unquoted(text)));
  }

  std::string_view value_;
  Part part_;
  std::size_t count_ = 0;  // lexemes so far
  bool pending_ = false;   // the last one is a name of ours
  bool assigned_ = false;  // the last one is `=` or `/`
  bool own_ = false, unclear_ = false;
};

// nullopt: it cannot be parsed. `lexer` stands behind the id.
std::optional<Clauses> read_clauses(std::string_view value, Lexer& lexer) {
  Clauses clauses;
  Lexeme lexeme = lexer.next_word();
  ClauseReader head(value, ClauseReader::Part::head);  // version, `/instance`
  for (; lexeme.kind != Kind::semicolon && lexeme.kind != Kind::end; lexeme = lexer.next_word()) {
    if (lexeme.kind == Kind::bad) return std::nullopt;
    head.take(lexeme);
  }
  clauses.unclear = head.own() || head.unclear();
  while (lexeme.kind == Kind::semicolon) {
    const std::size_t begin = lexeme.begin;
    ClauseReader clause(value, ClauseReader::Part::clause);
    for (lexeme = lexer.next_word(); lexeme.kind != Kind::semicolon && lexeme.kind != Kind::end;
         lexeme = lexer.next_word()) {
      if (lexeme.kind == Kind::bad) return std::nullopt;
      clause.take(lexeme);
    }
    if (clause.own()) clauses.own.push_back({begin, lexeme.begin});
    if (!clause.own()) {
      clauses.others |= !clause.empty();
      clauses.unclear |= clause.unclear();
    }
  }
  return clauses;
}

Stripped without(std::string_view value, const Clauses& clauses) {
  Stripped stripped;
  stripped.clauses = clauses.own.size();
  stripped.kind = clauses.others ? Stripped::Kind::changed : Stripped::Kind::removed;
  if (!clauses.others) return stripped;
  std::size_t at = 0;
  for (const auto& span : clauses.own) {
    stripped.value.append(value, at, span.begin - at);
    at = span.end;
  }
  stripped.value.append(value, at);
  return stripped;
}

}  // namespace

Stripped strip_own_results(std::string_view value, std::string_view authserv_id) {
  const Stripped removed{Stripped::Kind::removed, {}, 1};
  if (authserv_id.empty() || !names_own_method(value)) return {};
  Lexer lexer(value);
  const Lexeme id = lexer.next_word();
  if (id.kind == Kind::bad)
    return icontains(value, without_dot(authserv_id)) ? removed : Stripped{};
  if (!is_ours(value, id, authserv_id)) return {};
  const auto clauses = read_clauses(value, lexer);
  if (!clauses || clauses->unclear) return removed;
  if (clauses->own.empty()) return {};
  return without(value, *clauses);
}

}  // namespace mxw::milter
