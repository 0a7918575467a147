#include "sensor/smtp/verb.hpp"

#include <algorithm>

#include "core/base/ascii.hpp"

namespace mxw::smtp {
namespace {

struct Word {
  std::string_view text;
  Verb verb;
};

constexpr Word kWords[] = {
    {"EHLO", Verb::ehlo}, {"HELO", Verb::helo},    {"LHLO", Verb::lhlo},
    {"DATA", Verb::data}, {"BDAT", Verb::bdat},    {"STARTTLS", Verb::starttls},
    {"AUTH", Verb::auth}, {"RSET", Verb::rset},    {"QUIT", Verb::quit},
    {"NOOP", Verb::noop}, {"VRFY", Verb::vrfy},    {"EXPN", Verb::expn},
    {"HELP", Verb::help}, {"GET", Verb::http},     {"POST", Verb::http},
    {"PUT", Verb::http},  {"CONNECT", Verb::http}, {"OPTIONS", Verb::http},
};

// `MAIL FROM:<a@b>` as sent: blanks around the colon are common, `MAIL FROM <a>` without it occurs.
bool path_verb(std::string_view line, std::string_view first, std::string_view second,
               std::string_view& argument) {
  if (!ascii::istarts_with(line, first)) return false;
  const std::string_view rest = line.substr(first.size());
  if (rest.empty() || !ascii::is_blank(rest.front())) return false;
  const std::string_view tail = ascii::trim(rest);
  if (!ascii::istarts_with(tail, second)) return false;
  std::string_view path = ascii::trim(tail.substr(second.size()));
  if (!path.empty() && path.front() == ':') path.remove_prefix(1);
  argument = ascii::trim(path);
  return true;
}

}  // namespace

Command parse_command(std::string_view line) {
  Command command;
  if (path_verb(line, "MAIL", "FROM", command.argument)) {
    command.verb = Verb::mail;
    return command;
  }
  if (path_verb(line, "RCPT", "TO", command.argument)) {
    command.verb = Verb::rcpt;
    return command;
  }
  const ascii::Split split = ascii::split_word(line);
  for (const Word& word : kWords) {
    if (!ascii::iequals(split.head, word.text)) continue;
    // An HTTP request line names its version; mail software has been seen to send a bare GET.
    if (word.verb == Verb::http && split.tail.find(" HTTP/") == std::string_view::npos) continue;
    return {word.verb, ascii::trim(split.tail)};
  }
  return command;
}

bool is_last_chunk(std::string_view argument) {
  return ascii::iequals(ascii::trim(ascii::split_word(argument).tail), "LAST");
}

std::string_view name(Verb verb) {
  switch (verb) {
    case Verb::connect:
      return "connect";
    case Verb::mail:
      return "MAIL";
    case Verb::rcpt:
      return "RCPT";
    case Verb::auth_line:
      return "AUTH line";
    case Verb::end_of_data:
      return ".";
    case Verb::http:
      return "HTTP";
    case Verb::unknown:
      return "unknown";
    default:
      break;
  }
  const auto* word = std::find_if(std::begin(kWords), std::end(kWords),
                                  [verb](const Word& w) { return w.verb == verb; });
  return word->text;
}

bool is_masked(std::string_view word) {
  std::size_t n = 0;
  while (n < word.size() && (word[n] == 'X' || word[n] == '*')) ++n;
  if (n < 4) return false;
  if (n == word.size()) return true;
  return n + 1 == word.size() && word[n] >= 'A' && word[n] <= 'Z';
}

}  // namespace mxw::smtp
