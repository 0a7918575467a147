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

int not_understood(const std::vector<std::string>& arguments) {
  std::string known;
  for (const Verb* const verb : kVerbs) {
    const auto words = words_of(*verb);
    if (!arguments.empty() && words.front() == arguments.front())
      known += (known.empty() ? "" : ", ") + std::string(verb->words);
  }
  const std::string what =
      arguments.empty() ? "a verb is missing" : arguments.front() + ": not known";
  return complain(known.empty() ? what + " (mxwarden --help lists the verbs)"
                                : "one of these is expected: " + known,
                  kUsage);
}

}  // namespace

std::span<const Verb* const> verbs() {
  return kVerbs;
}

std::string overview() {
  constexpr std::size_t kColumn = 30;
  std::string out =
      "usage: mxwarden VERB [options]\n       mxwarden VERB --help\n"
      "       mxwarden --version | --help\n\n";
  for (const Verb* const verb : kVerbs) {
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
  if (!arguments.empty() && is_help(arguments.front())) {
    std::fputs(overview().c_str(), stdout);
    return kOk;
  }
  const Verb* const verb = find(arguments);
  if (verb == nullptr) return not_understood(arguments);
  const auto rest = std::span(arguments).subspan(words_of(*verb).size());
  if (!rest.empty() && is_help(rest.front())) {
    std::fputs(help(*verb).c_str(), stdout);
    return kOk;
  }
  const std::string hint = std::string(" (mxwarden ") + verb->words + " --help tells more)";
  const auto given = read_options(verb->options, rest);
  if (!given) return complain(given.error().message + hint, kUsage);
  const std::size_t count = given->operands.size();
  if (count < verb->least) return complain(synopsis(*verb) + " is expected" + hint, kUsage);
  if (count > verb->most)
    return complain(given->operands[verb->most] + ": not expected here" + hint, kUsage);
  return verb->run(*given);
}

}  // namespace mxw::cli
