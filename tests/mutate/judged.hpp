// What the sensor says of packets, reduced to what the mutator compares: pairs of rule and policy
// domain with their severity; and the table of what it should say of the captures as they are.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/base/redact.hpp"
#include "core/x509/certificate.hpp"
#include "packets.hpp"
#include "sensor/judge/judge.hpp"

namespace mxw::mutate {

// Networks that are `own`: those of the sending or of the receiving side of the lab.
enum class Side : std::uint8_t { sender, receiver };
[[nodiscard]] char letter(Side side);  // as in the names of captures: s, r

// (rule id, policy domain; empty where no domain is known) -> the worst severity. A finding about
// several candidate domains is a pair with each.
using Pair = std::pair<std::string, std::string>;
using Pairs = std::map<Pair, rules::Severity>;

// One line each: `R02 example.org critical`.
[[nodiscard]] std::string text(const Pairs& pairs);

// What `mutated` says that `original` does not, or says more severely; empty: the property holds.
// Where the mutated run does not know the domain (its DNS answers are lost), it says less about the
// same rule: then the worst the original said of this rule is the bound.
[[nodiscard]] Pairs beyond(const Pairs& original, const Pairs& mutated);

// Rules, policies and roots as the lab's captures need them. One thread.
class Sensor {
 public:
  // Throws std::runtime_error when something cannot be loaded.
  Sensor(const std::string& source_dir);
  [[nodiscard]] Pairs judge(const Packets& packets, Side own);

 private:
  judge::Config config_;
  x509::TrustStore trust_;
  Redactor redactor_;
};

struct Capture {
  std::string file;    // name in pcaps/
  bool clean = false;  // MANIFEST column attack is `none`
  char side = 's';     // of the tap, as in the names
  std::string rules;   // MANIFEST column expect_rules: `R02,R29` or `none`
};
// Of pcaps/MANIFEST.tsv, in its order. Throws std::runtime_error when it cannot be read.
[[nodiscard]] std::vector<Capture> captures(const std::string& source_dir);

// expected.tsv: what should be said of each capture, by (file, letter of the side that is own).
using Expected = std::map<std::pair<std::string, char>, Pairs>;
[[nodiscard]] Expected expected(const std::string& source_dir);

}  // namespace mxw::mutate
