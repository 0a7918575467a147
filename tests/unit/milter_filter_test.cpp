// libmilter's side under a libmilter of our own: what is negotiated, what callbacks give back, and
// that connections which end anyhow, from any thread, leave nothing behind.
#include "milter/filter.hpp"

#include <gmock/gmock.h>
#include <netinet/in.h>

#include <atomic>
#include <cstring>
#include <new>
#include <thread>

#include "milter/gate.hpp"
#include "tests/unit/fake_milter.hpp"
#include "tests/unit/milter_support.hpp"

namespace mxw::milter {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr unsigned long kAllActions = 0x1ff, kAllSteps = 0x1fffff;  // of Postfix 3.7, Sendmail 8.17

// As FakeLookup and FakeRecorder, for several threads.
class BlockedLookup final : public Lookup {
 public:
  DomainPath path(std::string_view domain, Time, bool) override {
    DomainPath path = domain == "b.test" ? blocked_path() : DomainPath();
    path.domain = domain;
    return path;
  }
  std::optional<SessionVerdict> session(const Endpoint&, const Endpoint&, Time, Time) override {
    return std::nullopt;
  }
  [[nodiscard]] bool sees_sessions() const override { return true; }
  bool take_probe(std::string_view, Time) override { return false; }
};

class CountingRecorder final : public Recorder {
 public:
  void decision(DecisionNote) override { ++decisions; }
  void message(MessageNote) override { ++messages; }
  void queue_id(std::uint64_t, Time, std::string_view) override {}
  void deferred(store::DeferralRow) override {}
  void breaker_tripped(Time, Breaker::Counts) override {}
  void internal_error(Stage) override { ++errors; }
  std::atomic<int> decisions = 0, messages = 0, errors = 0;
};

class FilterTest : public testing::Test {
 protected:
  FilterTest() : breaker_({100.0, 1'000'000}) {
    deferrals_.start(std::vector<std::uint8_t>(32, 7), {});
    fake_milter::library() = {};
  }
  void open(const config::Milter& milter = deferring(), const std::string& socket = "inet:1@h") {
    auto settings = *Settings::compile(milter);
    Filter::Hooks hooks;
    hooks.open = [this, settings] {
      if (broken_) throw std::bad_alloc();
      return std::make_unique<Session>(settings,
                                       Shared{lookup_, deferrals_, breaker_, recorder_,
                                              [] { return kNow; }, [] { return kNow; }},
                                       ++sessions_);
    };
    hooks.wants_headers = [this, settings] { return settings->header && wants_headers_; };
    hooks.tempfail_on_error = [settings] { return settings->choices.tempfail_on_error; };
    hooks.took = [this](Filter::Waited, std::int64_t ns) {
      took_ += ns >= 0 ? 1 : 0;
      while (stuck_) std::this_thread::yield();
    };
    auto opened =
        Filter::open({.socket = socket, .backlog = 77, .timeout = 60 * kSecond, .drain = drain_},
                     std::move(hooks));
    ASSERT_TRUE(opened) << opened.error().message;
    filter_ = std::move(*opened);
  }
  static const smfiDesc& callbacks() { return fake_milter::library().filter; }

  struct Wanted {
    unsigned long actions = 0, steps = 0, third = 9, fourth = 9;
  };
  static Wanted negotiate(SMFICTX& context, unsigned long actions = kAllActions,
                          unsigned long steps = kAllSteps) {
    Wanted wanted;
    EXPECT_EQ(callbacks().xxfi_negotiate(&context, actions, steps, 0, 0, &wanted.actions,
                                         &wanted.steps, &wanted.third, &wanted.fourth),
              SMFIS_CONTINUE);
    return wanted;
  }
  static sfsistat connect(SMFICTX& context, const char* address = "192.0.2.9") {
    sockaddr_in from{};
    from.sin_family = AF_INET;
    from.sin_port = htons(4'711);
    const auto ip = IpAddress::parse(address);
    std::memcpy(&from.sin_addr, ip->octets.data(), 4);
    char host[] = "client.a.test";
    context.macros = {{"j", "mx1.b.test"}, {"{daemon_name}", "mx1.b.test"}};
    return callbacks().xxfi_connect(&context, host, reinterpret_cast<sockaddr*>(&from));
  }
  static sfsistat command(SMFICTX& context, sfsistat (*callback)(SMFICTX*, char**),
                          std::string path) {
    char* arguments[] = {path.data(), nullptr};
    return callback(&context, arguments);
  }
  static sfsistat rcpt(SMFICTX& context, const std::string& address) {
    context.macros["{rcpt_mailer}"] = "smtp";
    context.macros["{rcpt_host}"] = address.substr(address.find('@') + 1);
    context.macros["{rcpt_addr}"] = address;
    return command(context, callbacks().xxfi_envrcpt, "<" + address + ">");
  }
  static sfsistat header(SMFICTX& context, std::string name, std::string value) {
    return callbacks().xxfi_header(&context, name.data(), value.data());
  }
  static sfsistat message(SMFICTX& context, const std::string& to) {
    char name[] = "client.a.test";
    EXPECT_EQ(callbacks().xxfi_helo(&context, name), SMFIS_NOREPLY);
    EXPECT_EQ(command(context, callbacks().xxfi_envfrom, "<u@a.test>"), SMFIS_NOREPLY);
    const sfsistat answer = rcpt(context, to);
    if (answer != SMFIS_CONTINUE) return answer;
    context.macros["i"] = "87B5BA7C94F";
    EXPECT_EQ(callbacks().xxfi_data(&context), SMFIS_NOREPLY);
    EXPECT_EQ(header(context, "From", " u@a.test"), SMFIS_NOREPLY);
    EXPECT_EQ(header(context, "Authentication-Results", " mx1.b.test; x-tls=pass; spf=pass"),
              SMFIS_NOREPLY);
    EXPECT_EQ(callbacks().xxfi_eoh(&context), SMFIS_NOREPLY);
    return callbacks().xxfi_eom(&context);
  }

  BlockedLookup lookup_;
  CountingRecorder recorder_;
  Deferrals deferrals_;
  Breaker breaker_;
  std::atomic<std::uint64_t> sessions_ = 0, took_ = 0;
  bool broken_ = false, wants_headers_ = true;
  std::atomic<bool> stuck_ = false;
  std::int64_t drain_ = 5 * kSecond;
  std::unique_ptr<Filter> filter_;
};

TEST_F(FilterTest, NegotiatesWhatIsOffered) {
  open();
  smfi_str full;
  const Wanted all = negotiate(full);
  EXPECT_EQ(all.actions, static_cast<unsigned long>(SMFIF_ADDHDRS | SMFIF_CHGHDRS |
                                                    SMFIF_QUARANTINE | SMFIF_SETSYMLIST));
  EXPECT_EQ(all.steps & SMFIP_NR_RCPT, 0U);
  // Postfix would tell the milter of a connection when the first recipient comes.
  EXPECT_EQ(all.steps & SMFIP_NR_CONN, 0U);
  EXPECT_NE(all.steps & SMFIP_NOBODY, 0U);
  EXPECT_EQ(all.steps & SMFIP_NOHDRS, 0U);
  // Else libmilter leaves the end of a message without headers unanswered.
  EXPECT_EQ(all.steps & SMFIP_NOEOH, 0U);
  ASSERT_NE(callbacks().xxfi_eoh, nullptr);
  EXPECT_EQ(all.steps & (SMFIP_NORCPT | SMFIP_RCPT_REJ | SMFIP_NOCONNECT | SMFIP_NOHELO), 0U);
  EXPECT_EQ(all.third + all.fourth, 0U);
  EXPECT_THAT(full.asked[SMFIM_HELO], HasSubstr("{tls_version}"));
  EXPECT_THAT(full.asked[SMFIM_ENVRCPT], HasSubstr("{rcpt_mailer}"));
  EXPECT_EQ(filter_->counters().poor_offers, 0U);

  smfi_str old;  // version 2: no lists, every step answered
  const Wanted few = negotiate(old, 0x3f, 0x7f & ~static_cast<unsigned long>(SMFIP_NR_HDR));
  EXPECT_EQ(few.actions,
            static_cast<unsigned long>(SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE));
  EXPECT_EQ(few.steps, static_cast<unsigned long>(SMFIP_NOBODY));
  EXPECT_THAT(old.asked, IsEmpty());
  EXPECT_EQ(filter_->counters().poor_offers, 1U);
  EXPECT_EQ(connect(old), SMFIS_CONTINUE);
  EXPECT_EQ(header(old, "From", "x"), SMFIS_CONTINUE);
  EXPECT_EQ(callbacks().xxfi_close(&old), SMFIS_CONTINUE);
}

TEST_F(FilterTest, NoHeadersAreAskedForWhenNoneIsWritten) {
  config::Milter milter;
  milter.header = false;
  open(milter);
  smfi_str context;
  EXPECT_NE(negotiate(context).steps & SMFIP_NOHDRS, 0U);
}

TEST_F(FilterTest, GivesItsSettingsToLibmilter) {
  open();
  EXPECT_EQ(fake_milter::library().socket, "inet:1@h");
  EXPECT_EQ(fake_milter::library().backlog, 77);
  // Postfix sends a header in one packet, up to its header_size_limit of 102,400 octets.
  EXPECT_GE(fake_milter::library().packet_bytes, 2U * 102'400);
  EXPECT_EQ(fake_milter::library().timeout, 60);
  EXPECT_EQ(callbacks().xxfi_version, SMFI_VERSION);
  filter_.reset();
  const auto wrong = Filter::open({.socket = "nonsense"}, {});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, ErrorKind::usage);
}

TEST_F(FilterTest, ADeferralIsTheWholeReply) {
  open();
  smfi_str context;
  negotiate(context);
  EXPECT_EQ(connect(context), SMFIS_CONTINUE);
  EXPECT_EQ(message(context, "x@b.test"), SMFIS_TEMPFAIL);
  ASSERT_EQ(context.calls.size(), 1U);
  EXPECT_THAT(context.calls[0], HasSubstr("setreply 451 4.7.4 "));
  EXPECT_EQ(rcpt(context, "x@c.test"), SMFIS_CONTINUE);
  fake_milter::library().takes_replies = false;
  EXPECT_EQ(rcpt(context, "z@b.test"), SMFIS_TEMPFAIL);
  EXPECT_EQ(filter_->counters().refused_replies, 1U);
  callbacks().xxfi_close(&context);
  EXPECT_EQ(context.data, nullptr);
  EXPECT_EQ(took_, 3U);
}

TEST_F(FilterTest, HeadersAreChangedAsTheMtaHasThem) {
  for (const bool space : {true, false}) {
    open(config::Milter{});
    smfi_str context;
    negotiate(context, kAllActions,
              space ? kAllSteps : kAllSteps & ~static_cast<unsigned long>(SMFIP_HDR_LEADSPC));
    connect(context);
    EXPECT_EQ(message(context, "x@b.test"), SMFIS_CONTINUE);
    const std::string before = space ? ": " : ":";
    EXPECT_THAT(
        context.calls,
        ElementsAre(HasSubstr("chgheader 1 Authentication-Results: mx1.b.test; spf=pass"),
                    "insheader 0 Authentication-Results" + before + "mx1.b.test; x-tls=none"));
    callbacks().xxfi_close(&context);
    filter_.reset();
  }
}

TEST_F(FilterTest, ConnectionsThatEndAnyhowLeaveNothing) {
  open();
  smfi_str nothing;
  EXPECT_EQ(callbacks().xxfi_close(&nothing), SMFIS_CONTINUE);
  EXPECT_EQ(callbacks().xxfi_abort(&nothing), SMFIS_CONTINUE);
  EXPECT_EQ(rcpt(nothing, "x@b.test"), SMFIS_CONTINUE);
  smfi_str only_negotiated;
  negotiate(only_negotiated);
  EXPECT_EQ(header(only_negotiated, "From", "x"), SMFIS_NOREPLY);
  EXPECT_EQ(callbacks().xxfi_close(&only_negotiated), SMFIS_CONTINUE);
  EXPECT_EQ(only_negotiated.data, nullptr);
  smfi_str vanished;
  negotiate(vanished);
  connect(vanished);
  EXPECT_EQ(filter_->counters().live, 1U);
  command(vanished, callbacks().xxfi_envfrom, "<u@a.test>");
  rcpt(vanished, "x@c.test");
  callbacks().xxfi_abort(&vanished);
  callbacks().xxfi_abort(&vanished);
  callbacks().xxfi_close(&vanished);
  callbacks().xxfi_close(&vanished);
  EXPECT_EQ(filter_->counters().live, 0U);
  EXPECT_EQ(filter_->counters().exceptions, 0U);
}

TEST_F(FilterTest, WithoutMemoryMailFlows) {
  open();
  broken_ = true;
  smfi_str context;
  negotiate(context);
  EXPECT_EQ(connect(context), SMFIS_CONTINUE);
  EXPECT_EQ(message(context, "x@b.test"), SMFIS_CONTINUE);
  EXPECT_THAT(context.calls, IsEmpty());
  callbacks().xxfi_close(&context);
  EXPECT_EQ(filter_->counters().exceptions, 1U);
}

TEST_F(FilterTest, WithoutMemoryMailWaitsWhereThatIsChosen) {
  config::Milter milter;
  milter.on_internal_error = config::InternalError::tempfail;
  open(milter);
  broken_ = true;
  smfi_str context;
  negotiate(context);
  EXPECT_EQ(connect(context), SMFIS_CONTINUE);
  EXPECT_EQ(message(context, "x@b.test"), SMFIS_TEMPFAIL);
  EXPECT_EQ(callbacks().xxfi_eoh(&context), SMFIS_NOREPLY);
  EXPECT_EQ(callbacks().xxfi_eom(&context), SMFIS_TEMPFAIL);
  callbacks().xxfi_close(&context);
}

// The settings may change between what was negotiated and the session's.
TEST_F(FilterTest, NoHeaderOfOursWhereForgedOnesCannotBeTakenOut) {
  for (const bool wanted : {false, true}) {
    wants_headers_ = wanted;
    open(config::Milter{});
    smfi_str context;
    const auto actions =
        wanted ? kAllActions & ~static_cast<unsigned long>(SMFIF_CHGHDRS) : kAllActions;
    EXPECT_EQ((negotiate(context, actions).steps & SMFIP_NOHDRS) == 0, wanted);
    connect(context);
    EXPECT_EQ(message(context, "x@b.test"), SMFIS_CONTINUE);
    EXPECT_THAT(context.calls, IsEmpty());
    callbacks().xxfi_close(&context);
    filter_.reset();
  }
}

// smfi_main() gives up connections as they are; workers may come a moment later.
TEST_F(FilterTest, SessionsAreEndedWithTheFilter) {
  open();
  std::thread serving([&] { EXPECT_TRUE(filter_->run()); });
  smfi_str context;
  negotiate(context);
  connect(context);
  command(context, callbacks().xxfi_envfrom, "<u@a.test>");
  rcpt(context, "x@c.test");
  filter_->stop();
  serving.join();
  EXPECT_EQ(filter_->counters().live, 0U);
  EXPECT_EQ(rcpt(context, "x@b.test"), SMFIS_CONTINUE);
  EXPECT_EQ(callbacks().xxfi_close(&context), SMFIS_CONTINUE);
  filter_.reset();
  EXPECT_EQ(rcpt(context, "x@b.test"), SMFIS_CONTINUE);
}

// Callbacks of one connection come one after another, each on another thread.
TEST_F(FilterTest, ManySessionsOnManyThreads) {
  open();
  std::thread serving([&] { EXPECT_TRUE(filter_->run()); });
  constexpr int kThreads = 8, kEach = 200;
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([] {
      for (int n = 0; n < kEach; ++n) {
        smfi_str context;
        negotiate(context);
        std::thread([&] { connect(context); }).join();
        EXPECT_EQ(message(context, "x@c.test"), SMFIS_CONTINUE);
        EXPECT_EQ(message(context, "x@b.test"), SMFIS_TEMPFAIL);
        callbacks().xxfi_abort(&context);
        if (n % 2 == 0) callbacks().xxfi_close(&context);  // the others are left to the end
      }
    });
  threads.clear();
  EXPECT_EQ(filter_->counters().live, kThreads * kEach / 2U);
  filter_->stop();
  serving.join();
  EXPECT_EQ(filter_->counters().live, 0U);
  EXPECT_EQ(recorder_.decisions, 2 * kThreads * kEach);
  EXPECT_EQ(recorder_.messages, kThreads * kEach);
  EXPECT_EQ(recorder_.errors, 0);
}

TEST_F(FilterTest, ACallbackThatDoesNotComeBackHoldsUpNoStop) {
  drain_ = 20 * kMillisecond;
  open();
  EXPECT_TRUE(filter_->drained());
  stuck_ = true;
  smfi_str context;
  negotiate(context);
  connect(context);
  std::jthread inside([&] { (void)rcpt(context, "x@c.test"); });
  while (took_ == 0) std::this_thread::yield();
  filter_->stop();
  filter_->run();
  EXPECT_FALSE(filter_->drained());
  EXPECT_EQ(filter_->counters().live, 1U) << "its session is not taken from it";
  EXPECT_EQ(callbacks().xxfi_eoh(&context), SMFIS_CONTINUE) << "nobody is let in";
  stuck_ = false;
  inside.join();
  filter_->stop();
  filter_->run();
  EXPECT_TRUE(filter_->drained());
  EXPECT_EQ(filter_->counters().live, 0U);
}

TEST(MilterGate, ClosesWhenNobodyIsInside) {
  Gate gate;
  EXPECT_FALSE(gate.enter()) << "not open yet";
  gate.open();
  ASSERT_TRUE(gate.enter());
  EXPECT_FALSE(gate.close(kMillisecond));
  EXPECT_FALSE(gate.enter());
  gate.leave();
  EXPECT_TRUE(gate.close(0));
}

}  // namespace
}  // namespace mxw::milter
