// The rows of kind `cache` in the shared vectors, played through the engine: what holds is compared
// with column `mxwarden`.
#include <gtest/gtest.h>

#include <fstream>

#include "core/policy/decide.hpp"
#include "core/policy/tlsrpt.hpp"
#include "engine_support.hpp"

namespace mxw::policyd {
namespace {

using namespace test;
using resolve::Outcome;

const std::string kEnforce = policy_text("enforce", 604'800);

class CacheVectors : public EngineTest {
 protected:
  // The column's words when they hold, else what was seen instead; empty for a row nobody taught
  // us.
  std::string play(const std::string& input) {
    if (input == "cached, max_age 1 elapsed, fetch ok") {
      publish("example.org", policy_text("enforce", 1));
      want("example.org");
      advance(kGetHold);
      publish("example.org", kEnforce);
      const bool fetched = said("example.org") == "enforce 1" && https.gets["example.org"] == 2;
      return fetched ? "refetch" : "stale";
    }
    if (input == "cached, expired, id changed, fetch fails") {
      publish("example.org", kEnforce);
      want("example.org");
      publish("example.org", kEnforce, "2");
      https.bodies.clear();
      advance(8 * kDay);
      return want("example.org").state == rows::DomainState::policy ? "policy" : "no policy";
    }
    if (input == "refresh while fetch broken, not expired") {
      publish("example.org", kEnforce);
      want("example.org");
      https.bodies.clear();
      advance(3 * kDay);
      const bool kept = said("example.org") == "enforce 1" && https.gets["example.org"] > 1;
      return kept ? "old policy kept" : "lost";
    }
    return play_failures(input);
  }

  std::string play_failures(const std::string& input) {
    if (input == "TXT ok, HTTPS failed, nothing cached") {
      publish("example.org", kEnforce);
      https.bodies.clear();
      dns.set("mta-sts.example.org", dns::Type::aaaa, Outcome::nodata);
      want("example.org");
      advance(299 * kSecond);
      want("example.org");
      const int before = https.gets["example.org"];
      advance(2 * kSecond);
      const bool none = said("example.org") == "unknown";
      return none && before == 1 && https.gets["example.org"] == 2
                 ? "no policy, next try after 300 s per id"
                 : "another hold";
    }
    if (input == "DNS temporary error, nothing cached") {
      dns.all = Outcome::servfail;
      const bool unknown = said("example.org") == "unknown";
      advance(59 * kSecond);
      const int before = txt_count("example.org");
      advance(14 * kSecond);
      return unknown && before == 1 && txt_count("example.org") == 2
                 ? "NOTFOUND after cold_wait, retried in 60 s"
                 : "another retry";
    }
    return play_damage(input);
  }

  std::string play_damage(const std::string& input) {
    if (input == "cache file unreadable JSON") {
      publish("example.org", kEnforce);
      store.reads_fail = true;
      const bool answered = said("example.org") == "enforce 1";
      store.reads_fail = false;
      const bool repaired = (*store.inner.current_policy({0, "example.org"})).has_value();
      return answered && repaired ? "refetch, cache repaired" : "broken";
    }
    if (input == "cache file parses but policy invalid") {
      publish("example.org", kEnforce);
      want("example.org");
      auto row = **store.inner.current_policy({0, "example.org"});
      row.body = "not a policy";
      (void)store.inner.put_policy(**store.inner.domain({0, "example.org"}), row, nullptr);
      const bool answered = want("example.org").mx == std::vector<std::string>{"mx.example.org"};
      const auto repaired = *store.inner.current_policy({0, "example.org"});
      return answered && repaired->body == kEnforce ? "refetch, cache repaired" : "broken";
    }
    if (input == "key contains \"/\"") {
      const bool refused = said("a/b.example.org") == "unknown" && dns.asked.empty();
      return refused ? "refuse (path traversal guard)" : "asked";
    }
    return play_judgements(input);
  }

  // What others make of the answer: core/policy is what they all judge by.
  std::string play_judgements(const std::string& input) {
    publish("example.org", policy_text("enforce", 604'800, {"good.example.org"}));
    publish("sibling.test", policy_text("enforce", 604'800, {"mx.example.org"}));
    const Answer answer = want("example.org"), sibling = want("sibling.test");
    const bool listed = policy::mx_matches(answer.mx, "mx.example.org");
    if (input == "enforce policy matches none of the domain MX hosts") {
      const bool isolated = !listed && policy::mx_matches(sibling.mx, "mx.example.org");
      return isolated ? "transient failure for that domain only" : "shared";
    }
    if (input == "MX mismatch under enforce") {
      return "not delivered to that MX; " +
             std::string(listed ? "" : policy::name(policy::ResultType::validation_failure));
    }
    if (input == "testing policy and TLS error") {
      publish("testing.test", policy_text("testing", 604'800));
      return want("testing.test").mode == policy::Mode::testing ? "deliver; report only"
                                                                : "enforced";
    }
    return {};
  }
};

TEST_F(CacheVectors, EveryRow) {
  const char* folder = std::getenv("MXWARDEN_VECTORS");
  if (folder == nullptr) GTEST_SKIP() << "corpus absent: not compared";
  std::ifstream file(std::string(folder) + "/mta-sts.tsv");
  ASSERT_TRUE(file) << folder;
  int compared = 0;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("cache\t")) continue;
    const std::size_t second = line.find('\t', 6), third = line.find('\t', second + 1);
    const std::string input = line.substr(6, second - 6);
    const std::string wanted = line.substr(third + 1, line.find('\t', third + 1) - third - 1);
    SCOPED_TRACE(input);
    engine.reset();
    store.inner = store::MemoryPolicyStore(clock.wall());
    dns = FakeDns();
    https = FakeHttps();
    restart();
    EXPECT_EQ(play(input), wanted);
    ++compared;
  }
  EXPECT_EQ(compared, 11);
}

}  // namespace
}  // namespace mxw::policyd
