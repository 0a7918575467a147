// The mutator (semantics 5): whatever a capture loses, repeats or shows in
// another order, the sensor may say less of it, never more. Over every capture in pcaps/, judged
// once with the sender's and once with the receiver's networks as own:
//   - the pairs (rule, policy domain) of a mutated run are among those of the capture as it is, and
//   none
//     is more severe;
//   - nothing of medium or above about a capture in which nobody attacks;
//   - about the capture as it is: exactly what expected.tsv says.
// How much survives each mutation is printed, so that a sensor gone silent does not pass unseen.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <set>

#include "judged.hpp"
#include "mutations.hpp"

namespace mxw::mutate {
namespace {

const std::string kSource = MXW_SOURCE_DIR;

// Under a sanitizer everything takes many times as long: every 27th of the mutations that are tried
// at every packet.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(MXW_SANITIZED)
constexpr std::size_t kStride = 27;
#else
constexpr std::size_t kStride = 1;
#endif

constexpr Side kSides[] = {Side::sender, Side::receiver};

// Captures without an attacker in which the thing itself is of medium or above: a genuine 454 looks
// as a forged one does (R06); AUTH in clear (R22) and mail in clear to a protected domain (R29) are
// failures whoever causes them.
bool shows_failure(const std::string& file) {
  return file == "clean-server-454.pcap" || file == "auth-clear.pcap" ||
         file == "two-rcpt-domains.pcap";
}

bool any_medium(const Pairs& pairs) {
  for (const auto& [pair, severity] : pairs)
    if (severity >= rules::Severity::medium) return true;
  return false;
}

struct Tally {
  std::uint64_t runs = 0, pairs = 0, of = 0;
};

class Mutate : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    sensor_ = new Sensor(kSource);
    captures_ = new std::vector<Capture>(captures(kSource));
  }
  static void TearDownTestSuite() {
    delete sensor_;
    delete captures_;
  }
  static Packets read(const Capture& capture) {
    return read_packets(kSource + "/pcaps/" + capture.file);
  }
  static inline Sensor* sensor_ = nullptr;
  static inline std::vector<Capture>* captures_ = nullptr;
};

TEST_F(Mutate, CapturesAsTheyAreGiveWhatIsExpected) {
  Expected table = expected(kSource);
  for (const Capture& capture : *captures_) {
    const Packets packets = read(capture);
    for (const Side own : kSides) {
      const auto row = table.extract({capture.file, letter(own)});
      EXPECT_EQ(text(sensor_->judge(packets, own)), text(row.empty() ? Pairs{} : row.mapped()))
          << capture.file << " with the networks of side " << letter(own) << " as own";
    }
  }
  for (const auto& [key, pairs] : table) ADD_FAILURE() << "expected.tsv: no capture " << key.first;
}

// Two tables about the same captures: the manifest names the rules as judged from the side of the
// tap.
TEST_F(Mutate, TheManifestExpectsTheSameRules) {
  Expected table = expected(kSource);
  for (const Capture& capture : *captures_) {
    std::set<std::string> rules;
    for (const auto& [pair, severity] : table[{capture.file, capture.side}])
      rules.insert(pair.first);
    std::string list;
    for (const std::string& rule : rules) list += (list.empty() ? "" : ",") + rule;
    EXPECT_EQ(list.empty() ? "none" : list, capture.rules) << capture.file;
  }
}

TEST_F(Mutate, NothingIsSaidThatTheCaptureItselfDoesNotShow) {
  std::map<std::string, Tally> tallies;
  std::uint64_t runs = 0;
  for (const Capture& capture : *captures_) {
    const Packets packets = read(capture);
    const std::vector<Mutation> mutations = mutations_for(packets, kStride);
    for (const Side own : kSides) {
      const Pairs original = sensor_->judge(packets, own);
      const bool must_be_quiet = capture.clean && !shows_failure(capture.file);
      EXPECT_FALSE(must_be_quiet && any_medium(original)) << capture.file << "\n" << text(original);
      for (const Mutation& mutation : mutations) {
        const Pairs mutated = sensor_->judge(mutation.apply(packets), own);
        const std::string where = capture.file + " own " + letter(own) + ", " + mutation.name +
                                  ", variant " + std::to_string(mutation.variant);
        const Pairs more = beyond(original, mutated);
        EXPECT_TRUE(more.empty()) << where << " says more:\n"
                                  << text(more) << "as it is:\n"
                                  << text(original);
        EXPECT_FALSE(must_be_quiet && any_medium(mutated)) << where << "\n" << text(mutated);
        Tally& tally = tallies[mutation.name];
        ++tally.runs, tally.pairs += mutated.size(), tally.of += original.size();
        ++runs;
      }
    }
  }
  std::printf("%-32s %7s %s\n", "mutation", "runs", "pairs that survive");
  for (const auto& [name, t] : tallies)
    std::printf("%-32s %7ju %ju of %ju\n", name.c_str(), uintmax_t{t.runs}, uintmax_t{t.pairs},
                uintmax_t{t.of});
  std::printf("%ju runs over %zu captures\n", uintmax_t{runs}, captures_->size());
}

}  // namespace
}  // namespace mxw::mutate
