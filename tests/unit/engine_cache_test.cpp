// The rows of kind `cache` in the shared vectors, and those of `txtset` without an answer, played
// through the engine: what holds is compared with column `mxwarden`.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "core/policy/decide.hpp"
#include "core/policy/tlsrpt.hpp"
#include "engine_support.hpp"
#include "map/reply.hpp"
#include "tests/unit/map_support.hpp"

namespace mxw::policyd {
namespace {

using namespace test;
using resolve::Outcome;

const std::string kEnforce = policy_text("enforce", 604'800);

class CacheVectors : public EngineTest {
 protected:
  void renew() {
    engine.reset();
    store.inner = store::MemoryPolicyStore(clock.wall());
    dns = FakeDns();
    https = FakeHttps();
    restart();
  }

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

  // What others make of the answer: the map, which binds mail by it, and core/policy, by which
  // sessions are judged. Whether a mail server then defers is asked in tests/policy.
  std::string play_judgements(const std::string& input) {
    publish("example.org", policy_text("enforce", 604'800, {"good.example.org"}));
    publish("sibling.test", policy_text("enforce", 604'800, {"mx.example.org"}));
    publish("testing.test", policy_text("testing", 604'800));
    if (input == "enforce policy matches none of the domain MX hosts") {
      const bool bound = told("example.org") == secure("good.example.org");
      const bool isolated = told("sibling.test") == secure("mx.example.org");
      return bound && isolated ? "transient failure for that domain only" : "shared";
    }
    // Of the second half only the word: no program of this tree reports that an MX is not listed.
    if (input == "MX mismatch under enforce") {
      const auto routed = routes_of("example.org");
      const bool names_it = told("example.org").contains("mx.example.org");
      return std::string(routed == "mx.example.org" && !names_it ? "not delivered to that MX; "
                                                                 : "delivered; ") +
             std::string(policy::name(policy::ResultType::validation_failure));
    }
    if (input == "testing policy and TLS error") {
      const bool delivered = told("testing.test") == map::kNotFoundText;
      return delivered && protection("testing.test") == policy::Protection::sts_testing
                 ? "deliver; report only"
                 : "enforced";
    }
    return {};
  }

  static std::string secure(const std::string& host) {
    return "OK secure match=" + host + " servername=hostname";
  }
  // An enforcing map's reply by policyd's answer.
  std::string told(const std::string& domain) {
    const Answer answer = want(domain);
    map::Known known;
    known.state = answer.state;
    known.mode = answer.mode;
    known.mx = answer.mx;
    known.valid_until = answer.valid_until;
    known.checked_at = clock.wall();
    const map::Compiled facts = map::compile(domain, &known, {}, map::enforcing());
    return map::payload_of(
        map::choose(&facts, map::Dialect::postfix, map::KeyKind::domain, map::at(clock.wall()))
            .reply);
  }
  policy::Protection protection(const std::string& domain) {
    const Answer answer = want(domain);
    policy::CachedPolicy cached;
    cached.policy.mode = answer.mode;
    cached.valid_until = answer.valid_until;
    return policy::decide(&cached, false, clock.wall()).protection;
  }
  // The MX host the domain really has.
  std::string routes_of(const std::string& domain) {
    want(domain);
    advance(kSecond);
    const auto rows = routes(domain);
    return rows.empty() ? "" : rows.front().mx_host;
  }
};

struct Row {
  std::string input, wanted;
};

std::vector<Row> rows_of(const std::string& kind) {
  std::ifstream file(std::string(std::getenv("MXWARDEN_VECTORS")) + "/mta-sts.tsv");
  EXPECT_TRUE(file);
  std::vector<Row> rows;
  const std::size_t first = kind.size() + 1;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(kind + '\t')) continue;
    const std::size_t second = line.find('\t', first), third = line.find('\t', second + 1);
    rows.push_back({line.substr(first, second - first),
                    line.substr(third + 1, line.find('\t', third + 1) - third - 1)});
  }
  return rows;
}

TEST_F(CacheVectors, EveryRow) {
  if (std::getenv("MXWARDEN_VECTORS") == nullptr) GTEST_SKIP() << "corpus absent: not compared";
  int compared = 0;
  for (const Row& row : rows_of("cache")) {
    SCOPED_TRACE(row.input);
    renew();
    EXPECT_EQ(play(row.input), row.wanted);
    ++compared;
  }
  EXPECT_EQ(compared, 11);
}

// Rows of kind `txtset` without an answer: the lookup itself failed.
class FailedLookups : public CacheVectors {
 protected:
  // A policy that is cached outlives two days of this; a domain never heard of is not said to have
  // none, and asked for again within minutes.
  [[nodiscard]] bool keeps(Outcome outcome, const std::string& canonical) {
    renew();
    publish("example.org", kEnforce);
    want("example.org");
    const int before = txt_count("example.org");
    for (const std::string domain : {"example.org", "new.test"}) {
      dns.set("_mta-sts." + domain, dns::Type::txt, outcome);
      if (!canonical.empty())
        dns.answers[{"_mta-sts." + domain, dns::Type::txt}].canonical = canonical;
    }
    advance(2 * kDay);
    const bool kept = said("example.org") == "enforce 1" && txt_count("example.org") > before;
    const bool temporary = said("new.test") == "unknown";
    const int asked = txt_count("new.test");
    advance(5 * kMinute);
    return kept && temporary && txt_count("new.test") > asked;
  }
  std::string play_failure(const std::string& input) {
    if (input == "SERVFAIL")
      return keeps(Outcome::servfail, "") ? "no usable TXT; keep cached policy" : "lost";
    if (input == "CNAME -> name with SERVFAIL")
      return keeps(Outcome::servfail, "elsewhere.test") && keeps(Outcome::servfail, "")
                 ? "as SERVFAIL"
                 : "another way";
    if (input == "DNS timeout on TXT")
      return keeps(Outcome::timeout, "") ? "keep cached policy" : "lost";
    return {};
  }
};

TEST_F(FailedLookups, EveryRow) {
  if (std::getenv("MXWARDEN_VECTORS") == nullptr) GTEST_SKIP() << "corpus absent: not compared";
  int compared = 0;
  for (const Row& row : rows_of("txtset")) {
    if (!row.input.contains("SERVFAIL") && !row.input.contains("timeout")) continue;
    SCOPED_TRACE(row.input);
    EXPECT_EQ(play_failure(row.input), row.wanted.substr(0, row.wanted.find(" (")));
    ++compared;
  }
  EXPECT_EQ(compared, 3);
}

}  // namespace
}  // namespace mxw::policyd
