// `mxwarden verify case.json`: was this result made from these files? Runs the recorded case again
// and compares.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <vector>

#include "cli/arguments.hpp"
#include "cli/case_file.hpp"
#include "cli/complain.hpp"
#include "cli/rerun.hpp"
#include "cli/verbs.hpp"
#include "core/base/digest.hpp"

namespace mxw::cli {
namespace {

namespace fs = std::filesystem;

using Lines = std::vector<std::string>;

// Where a file of the recorded run may be now: its name beside the case file, its path from there,
// its path as given.
std::vector<fs::path> candidates(const fs::path& case_folder, const std::string& given) {
  fs::path path(given);
  if (!path.has_filename()) path = path.parent_path();  // a final slash
  std::vector<fs::path> out{case_folder / path.filename()};
  if (path.is_relative()) out.push_back(case_folder / path);
  out.push_back(path);
  return out;
}

std::optional<std::string> sha256_of_file(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  Sha256Stream digest;
  std::vector<char> piece(1 << 20);
  while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())) || in.gcount() > 0)
    digest.update(as_bytes({piece.data(), static_cast<std::size_t>(in.gcount())}));
  if (in.bad()) return std::nullopt;
  return hex(digest.finish());
}

// The first candidate with the recorded digest, else nullopt and the reason in `problems`.
std::optional<std::string> find_input(const fs::path& case_folder, const std::string& given,
                                      const CaseInput& recorded, Lines& problems) {
  bool seen = false;
  for (const fs::path& path : candidates(case_folder, given)) {
    const auto digest = sha256_of_file(path);
    if (digest == recorded.sha256) return path.string();
    seen = seen || digest;
  }
  problems.push_back(recorded.name + (seen
                                          ? ": changed: its SHA-256 is no longer " + recorded.sha256
                                          : ": not found beside the case file or at " + given));
  return std::nullopt;
}

std::optional<std::string> find_file(const fs::path& case_folder, const std::string& given,
                                     Lines& problems) {
  for (const fs::path& path : candidates(case_folder, given)) {
    std::error_code ignored;
    if (fs::exists(path, ignored)) return path.string();
  }
  problems.push_back(given + ": not found");
  return std::nullopt;
}

// The arguments of the second run; what is missing or changed goes to `problems`.
std::vector<std::string> new_arguments(const Case& recorded, const Arguments& arguments,
                                       const fs::path& case_folder, Lines& problems) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < arguments.inputs.size(); ++i)
    if (auto path = find_input(case_folder, arguments.inputs[i], recorded.inputs[i], problems))
      out.push_back("--read=" + *path);
  for (const Arguments::Option& option : arguments.options) {
    if (!option.has_value) {
      out.push_back("--" + option.name);
    } else if (!option.is_file) {
      out.push_back("--" + option.name + "=" + option.value);
    } else if (auto path = find_file(case_folder, option.value, problems)) {
      out.push_back("--" + option.name + "=" + *path);
    }
  }
  return out;
}

void compare(const std::string& what, const std::string& then, const std::string& now, Lines& out) {
  if (then != now) out.push_back(what + ": " + then + " then, " + now + " now");
}

const CasePolicy* find_policy(const std::vector<CasePolicy>& list, const std::string& domain) {
  const auto at = std::find_if(list.begin(), list.end(),
                               [&domain](const CasePolicy& p) { return p.domain == domain; });
  return at != list.end() ? &*at : nullptr;
}

void compare_policies(const Case& then, const Case& now, Lines& out) {
  for (const CasePolicy& p : then.policies) {
    const CasePolicy* const other = find_policy(now.policies, p.domain);
    if (other == nullptr)
      out.push_back("policy " + p.domain + ": no longer there");
    else if (p.sha256 != other->sha256)
      out.push_back("policy " + p.domain + ": another text");
    else if (p != *other)
      out.push_back("policy " + p.domain + ": another id or other dates");
  }
  for (const CasePolicy& p : now.policies)
    if (find_policy(then.policies, p.domain) == nullptr)
      out.push_back("policy " + p.domain + ": was not there");
}

Lines differences(const Case& then, const Case& now) {
  Lines out;
  compare("output SHA-256", then.output_sha256, now.output_sha256, out);
  for (std::size_t i = 0; i < then.inputs.size() && i < now.inputs.size(); ++i)
    compare("input " + then.inputs[i].name, then.inputs[i].sha256, now.inputs[i].sha256, out);
  compare("rules", then.rules_sha256, now.rules_sha256, out);
  compare("trusted CAs", then.ca_sha256, now.ca_sha256, out);
  compare_policies(then, now, out);
  return out;
}

int report(const Case& then, const Case& now) {
  Lines lines = differences(then, now);
  // The version alone is no difference: another one that says the same confirms the result.
  const bool same = lines.empty();
  compare("program", then.version + " (" + then.commit + ")", now.version + " (" + now.commit + ")",
          lines);
  std::puts(same ? "identical" : "different");
  for (const std::string& line : lines) std::printf("  %s\n", line.c_str());
  return same ? kOk : kFound;
}

int verify(const std::string& case_path) {
  const auto recorded = load_case(case_path);
  if (!recorded) return complain(recorded.error());
  const auto arguments = parse_arguments(recorded->arguments);
  if (!arguments) return complain(arguments.error());
  if (arguments->inputs.size() != recorded->inputs.size())
    return complain(case_path + ": its inputs and its arguments do not fit", kUsage);
  if (std::find(arguments->inputs.begin(), arguments->inputs.end(), "-") != arguments->inputs.end())
    return complain(case_path + ": was made from standard input, which cannot be read again",
                    kUsage);

  Lines problems;
  const auto again =
      new_arguments(*recorded, *arguments, fs::path(case_path).parent_path(), problems);
  for (const std::string& problem : problems) complain(problem, kInputs);
  if (!problems.empty()) return kInputs;

  const auto folder = TemporaryFolder::make();
  if (!folder) return complain(folder.error());
  const auto made = rerun(again, recorded->format, folder->path());
  if (!made) return complain(made.error());
  return report(*recorded, *made);
}

int run(const Given& given) {
  return verify(given.operands.front());
}

}  // namespace

const Verb kVerify{
    .words = "verify",
    .operands = "CASE.json",
    .least = 1,
    .most = 1,
    .summary = "was this result of mxwarden-sensor made from these files?",
    .about =
        "Runs the case that mxwarden-sensor --manifest recorded again and says whether the "
        "result is identical, or what differs. Inputs are looked for by name beside CASE.json, "
        "then by their recorded path, and must have the recorded SHA-256. Nothing is written "
        "but a temporary folder, which is removed.",
    .options = {},
    .exits =
        "0 identical; 1 different; 2 usage, or a file that is no case; 3 inputs missing or "
        "changed; 4 temporary trouble",
    .run = run,
};

}  // namespace mxw::cli
