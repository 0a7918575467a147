#include "sensor/session/greeting.hpp"

#include "core/base/ascii.hpp"
#include "core/base/limits.hpp"
#include "sensor/session/text.hpp"
#include "sensor/smtp/verb.hpp"

namespace mxw::session {
namespace {

using evidence::Greeting;
using evidence::Offered;

void read_keyword(std::string_view line, Greeting& g, bool& starttls) {
  const std::string_view word = ascii::split_word(line).head;
  starttls = starttls || ascii::iequals(word, "STARTTLS");
  g.chunking = g.chunking || ascii::iequals(word, "CHUNKING");
  g.binarymime = g.binarymime || ascii::iequals(word, "BINARYMIME");
  if (!smtp::is_masked(word)) return;
  ++g.masked;
  if (word.size() == 8) ++g.masked8;
}

}  // namespace

Greeting read_greeting(bool esmtp, std::string_view name, const smtp::Reply& reply,
                       const Redactor& redactor) {
  Greeting g;
  g.esmtp = esmtp;
  g.name = shown(redactor, name);
  g.code = reply.code;
  g.complete = reply.dropped_lines == 0;
  g.reply_at = reply.last;
  bool starttls = false;
  for (std::size_t i = 1; i < reply.lines.size(); ++i) {
    const std::string_view line = reply.lines[i].text;
    if (esmtp) read_keyword(line, g, starttls);
    if (g.keywords.size() < limits::kSmtpKeywords) g.keywords.push_back(shown(redactor, line));
  }
  // RFC 3030 section 3: BINARYMIME needs CHUNKING, so its absence explains one masked word of 8.
  const std::uint32_t explained = g.binarymime && !g.chunking ? 1 : 0;
  g.masked8_unexplained = g.masked8 > explained;
  if (!esmtp)
    g.starttls = Offered::no;
  else if (starttls)
    g.starttls = Offered::yes;
  else if (g.masked8_unexplained)
    g.starttls = Offered::garbled;
  else
    g.starttls = g.complete ? Offered::no : Offered::unknown;
  return g;
}

bool is_masked_banner(std::string_view text) {
  std::size_t masked = 0;
  std::size_t run = 0;
  constexpr std::size_t kRun = 4;  // single letters X are words, four in a row are none
  for (const char c : text) {
    run = c == '*' || c == 'X' ? run + 1 : 0;
    if (run == kRun) masked += kRun;
    if (run > kRun) ++masked;
  }
  return masked >= 8;
}

bool is_overwritten_starttls(std::string_view line) {
  constexpr std::string_view kWord = "STARTTLS";
  if (line.size() != kWord.size()) return false;
  std::size_t masked = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == 'X' || line[i] == '*')
      ++masked;
    else if (ascii::upper(line[i]) != kWord[i])
      return false;
  }
  return masked >= 4;
}

}  // namespace mxw::session
