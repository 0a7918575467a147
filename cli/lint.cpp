// `mxwarden policy lint`: records and policies before they are published. Offline.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "cli/complain.hpp"
#include "cli/sts_json.hpp"
#include "cli/verbs.hpp"
#include "core/base/ascii.hpp"
#include "core/base/json_writer.hpp"
#include "core/base/limits.hpp"
#include "core/policy/mta_sts.hpp"

namespace mxw::cli {
namespace {

// One octet more than a policy may have, so that a longer one is told as what it is.
Result<std::string> read_body(const std::string& path) {
  std::string body;
  const auto take = [&body](std::istream& in) {
    body.resize(limits::kPolicyBytes + 1);
    in.read(body.data(), static_cast<std::streamsize>(body.size()));
    body.resize(static_cast<std::size_t>(in.gcount()));
    return !in.bad();
  };
  if (path == "-") {
    if (take(std::cin)) return body;
  } else {
    std::ifstream in(path, std::ios::binary);
    if (in && take(in)) return body;
  }
  return fail(ErrorKind::input, path + ": cannot be read");
}

// The `mx` lines of a body that is no policy, so that each can still be tried.
std::vector<std::string> raw_patterns(std::string_view body) {
  std::vector<std::string> out;
  while (!body.empty() && out.size() < limits::kPolicyMx) {
    const std::string_view line = body.substr(0, body.find('\n'));
    body.remove_prefix(std::min(body.size(), line.size() + 1));
    const std::string_view text = ascii::trim_line(line);
    if (text.starts_with("mx:")) out.emplace_back(ascii::trim(text.substr(3)));
  }
  return out;
}

int lint(const Given& given) {
  const auto txts = given.all("txt");
  if (txts.empty() && !given.has("body"))
    return complain("--txt STRING, --body FILE or both are expected", kUsage);
  if (given.has("mx") && !given.has("body"))
    return complain("--mx HOST needs --body: a host is matched against a policy", kUsage);
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  bool valid = true;
  if (!txts.empty()) {
    const RecordVerdicts record = judge_record(txts);
    write_verdicts(json.key("txt").begin_object(), record);
    json.end_object();
    valid = record.strict.has_value();
  }
  if (given.has("body")) {
    const auto body = read_body(given.text("body"));
    if (!body) return complain(body.error());
    const PolicyVerdicts policy = judge_policy(*body);
    write_verdicts(json.key("policy").begin_object(), policy);
    json.end_object();
    valid = policy.strict && valid;
    const auto patterns = policy.strict ? policy.strict->mx : raw_patterns(*body);
    if (given.has("mx")) {
      json.key("match").begin_object();
      for (const std::string& host : given.all("mx"))
        json.member(host, policy::mx_matches(patterns, host));
      json.end_object();
    }
  }
  json.end_object();
  std::puts(out.c_str());
  return valid ? kOk : kFound;
}

constexpr Option kOptions[] = {
    {"txt", "STRING", "a TXT record of _mta-sts.DOMAIN, its strings joined; several are one answer",
     true},
    {"body", "FILE", "the policy file; - is standard input"},
    {"mx", "HOST", "an MX host to match against the policy", true},
};

}  // namespace

const Verb kPolicyLint{
    .words = "policy lint",
    .operands = "",
    .least = 0,
    .most = 0,
    .summary = "say whether a record and a policy file are valid; offline",
    .about =
        "Prints one JSON object: txt {valid, id, reason}, policy {valid, mode, mx, max_age, "
        "warnings, reason, line} and match {HOST: true or false}, each where something was given. "
        "`tolerant` in txt and policy is what lenient senders make of it, and what they forgive; "
        "mxwarden never enforces that.\n"
        "\n"
        "Hosts are matched against the mx lines as they stand when the policy is not valid.",
    .options = kOptions,
    .exits = "0 valid; 1 record or policy not valid; 2 usage; 3 FILE cannot be read",
    .run = lint,
};

}  // namespace mxw::cli
