// Case: the manifest that `mxwarden-sensor --manifest` wrote, read back. It says what a result was
// made from, by digests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace mxw::cli {

struct CaseInput {
  std::string name;  // base name; "-" for standard input
  std::uint64_t size = 0;
  std::string sha256;  // hex, of the file as stored
};

struct CasePolicy {
  std::string domain, id, sha256;
  std::string fetched_at, valid_until;  // RFC 3339; empty when not known
  friend bool operator==(const CasePolicy&, const CasePolicy&) = default;
};

struct Case {
  std::string version, commit;
  std::string rules_sha256, ca, ca_sha256;
  std::vector<CasePolicy> policies;    // sorted by domain
  std::vector<std::string> arguments;  // of mxwarden-sensor, as given
  std::vector<CaseInput> inputs;       // in the order of the arguments
  std::string format, output_sha256;
};

// Errors: ErrorKind::usage for what is no case file of version 1, ErrorKind::input for a file that
// cannot be read or is larger than 64 MiB.
[[nodiscard]] Result<Case> load_case(const std::string& path);

}  // namespace mxw::cli
