#include "cli/verb.hpp"

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "cli/complain.hpp"
#include "cli/verbs.hpp"
#include "cli/wrap.hpp"

namespace mxw::cli {
namespace {

constexpr const Verb* kVerbs[] = {
    &kPolicyCheck,       &kPolicyLint,       &kPolicyShow,    &kPolicyList,     &kPolicyHistory,
    &kPolicyRefresh,     &kPolicyRemove,     &kPolicyImport,  &kPolicyExport,   &kPolicyBypass,
    &kPolicyPin,         &kPolicyReportOnly, &kPolicyRelease, &kEnforcementOff, &kEnforcementOn,
    &kEnforcementStatus, &kExplain,          &kImpact,        &kMetrics,        &kVerify,
    &kReportList,        &kReportShow,       &kReportBuild,   &kReportSend,     &kReportLint,
    &kReportImport,      &kReportInbox,      &kReportFetcher,
};

std::vector<std::string> words_of(const Verb& verb) {
  std::vector<std::string> out;
  std::string_view rest = verb.words;
  while (!rest.empty()) {
    const std::string_view word = rest.substr(0, rest.find(' '));
    out.emplace_back(word);
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
  }
  return out;
}

const Verb* find(const std::vector<std::string>& arguments) {
  for (const Verb* const verb : kVerbs) {
    const auto words = words_of(*verb);
    if (arguments.size() >= words.size() &&
        std::equal(words.begin(), words.end(), arguments.begin()))
      return verb;
  }
  return nullptr;
}

bool is_help(const std::string& argument) {
  return argument == "--help" || argument == "-h";
}

std::string paragraphs(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    out += line.empty() ? "\n" : wrapped({}, line, 0);
  }
  return out;
}

std::string synopsis(const Verb& verb) {
  std::string line = std::string("mxwarden ") + verb.words;
  if (*verb.operands != '\0') line += ' ' + std::string(verb.operands);
  return verb.options.empty() ? line : line + " [options]";
}

std::string first_word(const Verb& verb) {
  return words_of(verb).front();
}

// A word that begins several verbs.
bool is_group(const std::string& word) {
  return std::any_of(std::begin(kVerbs), std::end(kVerbs), [&word](const Verb* verb) {
    return first_word(*verb) == word && verb->words != word;
  });
}

int not_understood(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return complain("a verb is missing (mxwarden --help lists them)", kUsage);
  const std::string& first = arguments.front();
  if (!is_group(first))
    return complain(printable(first) + ": not known (mxwarden --help lists the verbs)", kUsage);
  std::string known;
  for (const Verb* const verb : kVerbs)
    if (first_word(*verb) == first) known += (known.empty() ? "" : ", ") + words_of(*verb).back();
  const std::string what =
      arguments.size() > 1 ? first + ' ' + printable(arguments[1]) + ": not known; " : "";
  return complain(what + "behind " + first + " one of these is expected: " + known + " (mxwarden " +
                      first + " --help tells more)",
                  kUsage);
}

// Of a verb, a group, or all: what `words` begin with.
int print_help(const std::vector<std::string>& words) {
  const Verb* const verb = find(words);
  if (verb != nullptr)
    std::fputs(help(*verb).c_str(), stdout);
  else if (words.empty() || (words.size() == 1 && is_group(words.front())))
    std::fputs(overview(words.empty() ? "" : words.front()).c_str(), stdout);
  else
    return not_understood(words);
  return kOk;
}

}  // namespace

std::span<const Verb* const> verbs() {
  return kVerbs;
}

std::string overview(std::string_view group) {
  constexpr std::size_t kColumn = 32;
  std::string out =
      "usage: mxwarden VERB [options]\n       mxwarden VERB --help\n"
      "       mxwarden --version | --help\n\n";
  if (!group.empty()) {
    const std::string head = "mxwarden " + std::string(group) + " VERB";
    out = "usage: " + head + " [options]\n       " + head + " --help\n\n";
  }
  for (const Verb* const verb : kVerbs) {
    if (!group.empty() && first_word(*verb) != group) continue;
    std::string line = std::string("  ") + verb->words + ' ' + verb->operands;
    line.resize(kColumn, ' ');
    out += wrapped(line, verb->summary, kColumn);
  }
  return out +
         "\nExit: 0 good; 1 something was found or differs; 2 usage or settings; 3 inputs\n"
         "missing or changed; 4 temporary trouble\n";
}

std::string help(const Verb& verb) {
  std::string out = "usage: " + synopsis(verb) + "\n\n" + paragraphs(verb.about);
  if (!verb.options.empty()) out += "\nOptions:\n" + options_help(verb.options);
  return out + '\n' + wrapped("Exit: ", verb.exits, 6);
}

int run_verb(const std::vector<std::string>& arguments) {
  if (!arguments.empty() && arguments.front() == "help")
    return print_help({arguments.begin() + 1, arguments.end()});
  if (!arguments.empty() && is_help(arguments.front())) return print_help({});
  const Verb* const verb = find(arguments);
  if (verb == nullptr) {
    const bool asks = arguments.size() == 2 && is_help(arguments.back());
    return asks ? print_help({arguments.front()}) : not_understood(arguments);
  }
  const auto rest = std::span(arguments).subspan(words_of(*verb).size());
  const std::string hint = std::string(" (mxwarden ") + verb->words + " --help tells more)";
  const auto given = read_options(verb->options, rest);
  if (!given) return complain(given.error().message + hint, kUsage);
  if (given->has("help")) {
    std::fputs(help(*verb).c_str(), stdout);
    return kOk;
  }
  const std::size_t count = given->operands.size();
  if (count < verb->least) return complain(synopsis(*verb) + " is expected" + hint, kUsage);
  if (count > verb->most)
    return complain(given->operands[verb->most] + ": not expected here" + hint, kUsage);
  return verb->run(*given);
}

}  // namespace mxw::cli
