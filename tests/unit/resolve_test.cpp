// What net/resolve promises against servers that answer, lie, fail or are silent.
#include "net/resolve/resolver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "net/resolve/query.hpp"
#include "resolve_server.hpp"

namespace mxw::resolve {
namespace {

using dns::Type;
using test::Asked;
using test::DnsServer;
using test::kAd;
using test::kResponse;
using test::Octets;
using test::Reply;

const std::string kName = "example.test";
constexpr std::int64_t kTimeout = 100 * kMillisecond;

using Script = DnsServer::Script;

Reply good(const Asked& asked, unsigned flags = kResponse) {
  return Reply(asked.octets, flags)
      .answer(asked.message.questions[0].name, Type::mx, Reply::mx(10, "mx.example.test"));
}
Script answers(unsigned flags = kResponse) {
  return [flags](const Asked& asked) { return std::vector<Octets>{good(asked, flags).octets()}; };
}
Script fails(unsigned rcode) {
  return [rcode](const Asked& asked) {
    return std::vector<Octets>{Reply(asked.octets, kResponse | rcode).octets()};
  };
}
std::vector<Octets> silence(const Asked& /*asked*/) {
  return {};
}

class ResolveTest : public testing::Test {
 protected:
  ResolveTest() : loop(std::move(EventLoop::create().value())) {}

  DnsServer& serve(Script script, bool validating = false) {
    servers.push_back(std::make_unique<DnsServer>(*loop, std::move(script)));
    config.servers.push_back({servers.back()->endpoint(), validating});
    return *servers.back();
  }
  // An address where nobody answers with more than ICMP.
  void serve_closed_port() {
    const DnsServer gone(*loop, silence);
    config.servers.push_back({gone.endpoint(), false});
  }
  void open() {
    config.timeout_ns = kTimeout;
    resolver = Resolver::create(*loop, config).value();
  }
  void run(std::int64_t limit = 10 * kSecond) {
    Timer guard(*loop, [this] {
      ADD_FAILURE() << "the loop did not stop";
      loop->stop();
    });
    guard.start(limit);
    loop->run();
  }
  void run_for(std::int64_t span) {
    Timer end(*loop, [this] { loop->stop(); });
    end.start(span);
    loop->run();
  }
  Answer ask(Resolver::Bogus bogus = Resolver::Bogus::ignore, Type type = Type::mx) {
    if (!resolver) open();
    std::optional<Answer> got;
    resolver->query(
        kName, type,
        [&](const Answer& answer) {
          EXPECT_FALSE(got) << "called twice";
          got = answer;
          loop->stop();
        },
        bogus);
    EXPECT_FALSE(got) << "called from within query()";
    run();
    return got.value_or(Answer{});
  }

  std::unique_ptr<EventLoop> loop;
  std::vector<std::unique_ptr<DnsServer>> servers;
  Config config;
  std::unique_ptr<Resolver> resolver;
};

TEST_F(ResolveTest, AsksWithEdnsAndAdAndBringsTheRecords) {
  const DnsServer& server = serve(answers());
  const Answer answer = ask();
  EXPECT_EQ(answer.outcome, Outcome::ok);
  ASSERT_EQ(answer.records.size(), 1U);
  EXPECT_EQ(dns::rdata_text(answer.records[0]), "10 mx.example.test");
  EXPECT_EQ(answer.ttl, 300U);
  ASSERT_EQ(server.asked().size(), 1U);
  const dns::Message& question = server.asked()[0].message;
  EXPECT_TRUE(question.rd);
  EXPECT_TRUE(question.ad);
  EXPECT_FALSE(question.cd);
  ASSERT_EQ(question.additional.size(), 1U);
  EXPECT_EQ(question.additional[0].klass, kUdpBytes);
  EXPECT_EQ(resolver->open_questions(), 0U);
}

TEST_F(ResolveTest, IdsDiffer) {
  const DnsServer& server = serve(answers());
  for (int i = 0; i < 8; ++i) ask();
  std::set<std::uint16_t> ids;
  for (const Asked& asked : server.asked()) ids.insert(asked.message.id);
  EXPECT_GE(ids.size(), 7U);  // two of eight alike: once in 2,341 runs; three: never seen
}

TEST_F(ResolveTest, AuthenticatedOnlyByAValidatingServer) {
  serve(answers(kResponse | kAd));
  EXPECT_FALSE(ask().authenticated);
}

TEST_F(ResolveTest, AuthenticatedByAValidatingServer) {
  serve(answers(kResponse | kAd), true);
  const Answer answer = ask();
  EXPECT_TRUE(answer.authenticated);
  EXPECT_TRUE(answer.validating);
}

TEST_F(ResolveTest, NoDataAndNoNameStayDifferent) {
  serve([](const Asked& asked) {
    const unsigned rcode = asked.message.questions[0].type == static_cast<std::uint16_t>(Type::tlsa)
                               ? test::kNxDomain
                               : 0U;
    return std::vector<Octets>{Reply(asked.octets, kResponse | rcode).soa(120, 60).octets()};
  });
  const Answer nodata = ask();
  EXPECT_EQ(nodata.outcome, Outcome::nodata);
  EXPECT_EQ(nodata.negative_ttl, 60U);
  const Answer nxdomain = ask(Resolver::Bogus::ignore, Type::tlsa);
  EXPECT_EQ(nxdomain.outcome, Outcome::nxdomain);
  EXPECT_EQ(nxdomain.negative_ttl, 60U);
}

TEST_F(ResolveTest, ServfailAndRefusedStayDifferent) {
  const DnsServer& server = serve(fails(test::kServFail));
  EXPECT_EQ(ask().outcome, Outcome::servfail);
  EXPECT_EQ(server.asked().size(), 1U);
}

TEST_F(ResolveTest, RefusedIsRefused) {
  serve(fails(test::kRefusedCode));
  EXPECT_EQ(ask().outcome, Outcome::refused);
}

TEST_F(ResolveTest, SilenceIsATimeoutAfterTwoTries) {
  const DnsServer& server = serve(silence);
  const std::int64_t begin = EventLoop::now();
  EXPECT_EQ(ask().outcome, Outcome::timeout);
  EXPECT_EQ(server.asked().size(), 2U);
  EXPECT_GE(EventLoop::now() - begin, 2 * kTimeout);
}

TEST_F(ResolveTest, AClosedPortIsTheNetwork) {
  serve_closed_port();
  const std::int64_t begin = EventLoop::now();
  EXPECT_EQ(ask().outcome, Outcome::network);
  EXPECT_LT(EventLoop::now() - begin, kTimeout);
}

TEST_F(ResolveTest, ACutAnswerIsAskedForOverTcp) {
  const DnsServer& server = serve([](const Asked& asked) {
    return std::vector<Octets>{asked.tcp ? good(asked).octets()
                                         : Reply(asked.octets, kResponse | test::kTc).octets()};
  });
  const Answer answer = ask();
  EXPECT_EQ(answer.outcome, Outcome::ok);
  EXPECT_EQ(answer.records.size(), 1U);
  ASSERT_EQ(server.asked().size(), 2U);
  EXPECT_TRUE(server.asked()[1].tcp);
}

TEST_F(ResolveTest, AnAnswerOfTheOfferedSizeNeedsNoTcp) {
  const DnsServer& server = serve([](const Asked& asked) {
    Reply reply(asked.octets);
    for (int i = 0; i < 9; ++i) {
      reply.answer(kName, Type::txt, Reply::txt(std::string(100, static_cast<char>('a' + i))));
    }
    return std::vector<Octets>{reply.octets()};
  });
  EXPECT_EQ(ask(Resolver::Bogus::ignore, Type::txt).records.size(), 9U);
  EXPECT_EQ(server.asked().size(), 1U);
}

TEST_F(ResolveTest, CutOverTcpTooIsMalformed) {
  serve(fails(test::kTc));
  EXPECT_EQ(ask().outcome, Outcome::malformed);
}

TEST_F(ResolveTest, HangingUpOverTcpIsTheNetwork) {
  DnsServer& server = serve(fails(test::kTc));
  server.close_tcp = true;
  EXPECT_EQ(ask().outcome, Outcome::network);
}

TEST_F(ResolveTest, AWrongIdIsNotHeard) {
  serve([](const Asked& asked) {
    Reply wrong = good(asked);
    wrong.put(0, asked.message.id ^ 1U);
    return std::vector<Octets>{wrong.octets()};
  });
  EXPECT_EQ(ask().outcome, Outcome::timeout);
}

TEST_F(ResolveTest, AWrongQuestionIsNotHeardAndTheRightOneBehindItIs) {
  serve([](const Asked& asked) {
    const Octets other =
        build_query(asked.message.id, mail::DnsName::parse("evil.test").value(), Type::mx, {});
    return std::vector<Octets>{
        Reply(other).answer(kName, Type::mx, Reply::mx(1, "mx.evil.test")).octets(),
        good(asked).octets()};
  });
  const Answer answer = ask();
  ASSERT_EQ(answer.records.size(), 1U);
  EXPECT_EQ(dns::rdata_text(answer.records[0]), "10 mx.example.test");
}

TEST_F(ResolveTest, AForgedSourceIsNotHeard) {
  DnsServer& server = serve(answers());
  const Octets query = build_query(0, mail::DnsName::parse(kName).value(), Type::mx, {});
  server.from_other_address = {
      Reply(query).answer(kName, Type::mx, Reply::mx(1, "mx.evil.test")).octets()};
  const Answer answer = ask();
  ASSERT_EQ(answer.records.size(), 1U);
  EXPECT_EQ(dns::rdata_text(answer.records[0]), "10 mx.example.test");
}

TEST_F(ResolveTest, HalfAnAnswerIsMalformed) {
  serve([](const Asked& asked) {
    Octets half = good(asked).octets();
    half.resize(half.size() - 5);
    return std::vector<Octets>{half};
  });
  EXPECT_EQ(ask().outcome, Outcome::malformed);
}

TEST_F(ResolveTest, AServerOlderThanEdnsIsAskedWithout) {
  const DnsServer& server = serve([](const Asked& asked) {
    if (!asked.message.additional.empty()) return fails(test::kFormErrCode)(asked);
    return answers()(asked);
  });
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(ask().outcome, Outcome::ok);
    EXPECT_TRUE(server.asked().back().message.additional.empty());
  }
}

TEST_F(ResolveTest, ADeadServerIsSkippedAndThenAskedLast) {
  const DnsServer& dead = serve(silence);
  const DnsServer& alive = serve(answers());
  for (int i = 0; i < 6; ++i) EXPECT_EQ(ask().outcome, Outcome::ok);
  EXPECT_EQ(dead.asked().size(), 1U);
  EXPECT_EQ(alive.asked().size(), 6U);
}

TEST_F(ResolveTest, QuestionsGoAround) {
  const DnsServer& one = serve(answers());
  const DnsServer& two = serve(answers());
  for (int i = 0; i < 6; ++i) ask();
  EXPECT_EQ(one.asked().size(), 3U);
  EXPECT_EQ(two.asked().size(), 3U);
}

TEST_F(ResolveTest, ServfailGoesOnToTheNextServer) {
  serve(fails(test::kServFail));
  serve(answers());
  EXPECT_EQ(ask().outcome, Outcome::ok);
}

TEST_F(ResolveTest, ServfailOfAValidatingServerIsNotAskedAwayElsewhere) {
  const DnsServer& plain = serve(answers());
  serve(fails(test::kServFail), true);
  EXPECT_EQ(ask().outcome, Outcome::servfail);
  EXPECT_TRUE(plain.asked().empty());
}

TEST_F(ResolveTest, ASilentValidatingServerIsReplacedAndTheAnswerSaysSo) {
  serve(silence, true);
  serve(answers(kResponse | kAd));
  const Answer answer = ask();
  EXPECT_EQ(answer.outcome, Outcome::ok);
  EXPECT_FALSE(answer.validating);
  EXPECT_FALSE(answer.authenticated);
}

TEST_F(ResolveTest, TheFailureThatSaysMostIsTold) {
  serve_closed_port();
  serve(fails(test::kServFail));
  serve(fails(test::kRefusedCode));
  EXPECT_EQ(ask().outcome, Outcome::servfail);
}

TEST_F(ResolveTest, BogusIsServfailThatSucceedsWithoutValidation) {
  const DnsServer& server = serve(
      [](const Asked& asked) {
        return asked.message.cd ? answers()(asked) : fails(test::kServFail)(asked);
      },
      true);
  const Answer answer = ask(Resolver::Bogus::detect);
  EXPECT_EQ(answer.outcome, Outcome::bogus);
  EXPECT_TRUE(answer.records.empty());
  EXPECT_EQ(server.asked().size(), 2U);
  EXPECT_EQ(ask(Resolver::Bogus::ignore).outcome, Outcome::servfail);
  EXPECT_EQ(server.asked().size(), 3U);
}

TEST_F(ResolveTest, ServfailThatStaysIsNotBogus) {
  serve(fails(test::kServFail), true);
  EXPECT_EQ(ask(Resolver::Bogus::detect).outcome, Outcome::servfail);
}

TEST_F(ResolveTest, TheSameQuestionIsAskedOnce) {
  const DnsServer& server = serve(answers());
  open();
  int answered = 0;
  const auto count = [&](const Answer& answer) {
    EXPECT_EQ(answer.outcome, Outcome::ok);
    if (++answered == 4) loop->stop();
  };
  for (const char* name : {"example.test", "EXAMPLE.test", "example.test."}) {
    resolver->query(name, Type::mx, count);
  }
  resolver->query("other.example.test", Type::mx, count);
  run();
  EXPECT_EQ(server.asked().size(), 2U);
  EXPECT_EQ(resolver->counters().merged, 2U);
}

TEST_F(ResolveTest, NoMoreThanTheLimitAreInFlight) {
  constexpr std::size_t kMore = 100;
  const DnsServer& server = serve(silence);
  config.tries = 1;
  open();
  std::size_t answered = 0;
  for (std::size_t i = 0; i < kInFlight + kMore; ++i) {
    resolver->query("n" + std::to_string(i) + ".example.test", Type::mx, [&](const Answer& answer) {
      EXPECT_EQ(answer.outcome, Outcome::timeout);
      if (++answered == kInFlight + kMore) loop->stop();
    });
  }
  run_for(kTimeout / 2);
  EXPECT_EQ(server.asked().size(), kInFlight);
  run();
  EXPECT_EQ(answered, kInFlight + kMore);
  EXPECT_EQ(server.asked().size(), kInFlight + kMore);
}

TEST_F(ResolveTest, CallersBeyondTheLimitAreToldAtOnce) {
  serve(silence);
  open();
  std::size_t refused = 0;
  for (std::size_t i = 0; i < kWaiting + 3; ++i) {
    resolver->query(kName, Type::mx, [&](const Answer& answer) {
      refused += answer.outcome == Outcome::network ? 1U : 0U;
    });
  }
  run_for(kTimeout / 4);
  EXPECT_EQ(refused, 3U);
  EXPECT_EQ(resolver->counters().dropped, 3U);
}

TEST_F(ResolveTest, WhatIsNoNameIsNotAsked) {
  const DnsServer& server = serve(answers());
  open();
  for (const std::string name : {std::string("a b.test"), std::string("x\\000.test"), std::string(),
                                 std::string(300, 'a')}) {
    std::optional<Outcome> outcome;
    resolver->query(name, Type::mx, [&](const Answer& answer) {
      outcome = answer.outcome;
      loop->stop();
    });
    run();
    EXPECT_EQ(outcome, Outcome::malformed) << name;
  }
  EXPECT_TRUE(server.asked().empty());
}

TEST_F(ResolveTest, NobodyIsCalledAfterDestruction) {
  serve(silence);
  open();
  int calls = 0;
  for (const char* name : {"a.test", "b.test", "a.test"}) {
    resolver->query(name, Type::mx, [&](const Answer&) { ++calls; });
  }
  run_for(kTimeout / 4);
  resolver.reset();
  run_for(3 * kTimeout);
  EXPECT_EQ(calls, 0);
}

TEST_F(ResolveTest, ACallbackMayDestroyTheResolver) {
  serve(answers());
  open();
  int calls = 0;
  for (int i = 0; i < 3; ++i) {
    resolver->query(kName, Type::mx, [&](const Answer& answer) {
      ++calls;
      resolver.reset();
      EXPECT_EQ(answer.records.size(), 1U);  // still there for the callback that holds it
      loop->stop();
    });
  }
  run();
  run_for(kTimeout);
  EXPECT_EQ(calls, 1);
}

TEST_F(ResolveTest, ACallbackMayAskAgain) {
  serve(answers());
  open();
  int left = 50;
  std::function<void(const Answer&)> again = [&](const Answer& answer) {
    EXPECT_EQ(answer.outcome, Outcome::ok);
    if (--left == 0) return loop->stop();
    resolver->query(kName, Type::mx, again);
  };
  resolver->query(kName, Type::mx, again);
  run();
  EXPECT_EQ(left, 0);
}

TEST_F(ResolveTest, RefusesAConfigurationThatCannotWork) {
  EXPECT_FALSE(Resolver::create(*loop, {}));
  config.servers = {{.endpoint = {IpAddress::parse("192.0.2.53").value(), 0}}};
  const auto without_port = Resolver::create(*loop, config);
  ASSERT_FALSE(without_port);
  EXPECT_EQ(without_port.error().kind, ErrorKind::usage);
  config.servers.assign(kServers + 1, {.endpoint = {IpAddress::parse("192.0.2.53").value(), 53}});
  EXPECT_FALSE(Resolver::create(*loop, config));
}

}  // namespace
}  // namespace mxw::resolve
