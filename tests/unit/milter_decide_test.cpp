// The decision as a table: one row a sentence of semantics 7 and 12.
#include "milter/decide.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

namespace mxw::milter {
namespace {

constexpr Time kNow{1'800'000'000 * kSecond};

struct Case {
  RcptFacts facts;
  DomainPath path;
  Choices choices;
};

// A mail that is deferred: each row changes one thing.
Case deferred_case() {
  Case one;
  one.facts = {.role = Role::relay, .peer_queues = true, .listed = true, .deferrals_usable = true};
  one.path.domain = "example.org";
  one.path.state = PathState::blocked;
  one.path.protection = policy::Protection::sts_enforce;
  one.path.failure = Failure::starttls;
  one.choices = {.max_age = 4 * kHour, .defers = true};
  return one;
}

struct Row {
  const char* what;
  std::function<void(Case&)> change;
  Action action;
  Action wish;
  Reason reason;
  std::string_view enhanced = {};
};

const Row kRows[] = {
    {"by choice, STARTTLS missing", [](Case&) {}, Action::defer, Action::defer,
     Reason::path_blocked, "4.7.4"},
    {"certificate or MX name", [](Case& c) { c.path.failure = Failure::certificate; },
     Action::defer, Action::defer, Reason::path_blocked, "4.7.5"},
    {"other", [](Case& c) { c.path.failure = Failure::other; }, Action::defer, Action::defer,
     Reason::path_blocked, "4.7.0"},
    {"failure not told", [](Case& c) { c.path.failure = Failure::none; }, Action::defer,
     Action::defer, Reason::path_blocked, "4.7.0"},
    {"no milter.defer: tagged",
     [](Case& c) { c.facts.listed = c.facts.peer_queues = c.choices.defers = false; }, Action::tag,
     Action::tag, Reason::path_blocked},
    {"another domain is deferred, not this", [](Case& c) { c.facts.listed = false; }, Action::tag,
     Action::tag, Reason::not_listed},
    {"dry run", [](Case& c) { c.choices.dry_run = true; }, Action::accept, Action::defer,
     Reason::path_blocked, "4.7.4"},
    {"dry run of a tag", [](Case& c) { c.choices.dry_run = true, c.facts.listed = false; },
     Action::accept, Action::tag, Reason::not_listed},

    {"exempt", [](Case& c) { c.facts.exempt = true; }, Action::accept, Action::accept,
     Reason::exempt},
    {"inbound", [](Case& c) { c.facts.role = Role::inbound; }, Action::accept, Action::accept,
     Reason::inbound},
    {"inbound over a connection under a verdict",
     [](Case& c) { c.facts.role = Role::inbound, c.facts.session_verdict = true; }, Action::accept,
     Action::accept, Reason::session_verdict},
    {"exempt, whatever the connection",
     [](Case& c) { c.facts.role = Role::inbound, c.facts.session_verdict = c.facts.exempt = true; },
     Action::accept, Action::accept, Reason::exempt},
    {"local", [](Case& c) { c.facts.role = Role::local; }, Action::accept, Action::accept,
     Reason::local_mail},
    {"local, an override says defer",
     [](Case& c) { c.facts.role = Role::local, c.facts.overridden = Action::defer; },
     Action::accept, Action::accept, Reason::local_mail},
    {"delivered here", [](Case& c) { c.facts.ours = true; }, Action::accept, Action::accept,
     Reason::not_ours},
    {"smart host", [](Case& c) { c.facts.smart_host = true; }, Action::accept, Action::accept,
     Reason::smart_host},
    {"a submission listener for hosts that queue", [](Case& c) { c.facts.role = Role::submission; },
     Action::defer, Action::defer, Reason::path_blocked, "4.7.4"},

    {"operator's bypass", [](Case& c) { c.path.bypass = true; }, Action::accept, Action::accept,
     Reason::bypass},
    {"operator's report-only", [](Case& c) { c.path.report_only = true; }, Action::accept,
     Action::defer, Reason::bypass, "4.7.4"},
    {"report-only of a clear path",
     [](Case& c) { c.path.report_only = true, c.path.state = PathState::clear; }, Action::accept,
     Action::accept, Reason::path_clear},

    {"nothing known", [](Case& c) { c.path.state = PathState::unknown; }, Action::accept,
     Action::accept, Reason::policy_unknown},
    {"unprotected", [](Case& c) { c.path.state = PathState::unprotected; }, Action::accept,
     Action::accept, Reason::no_policy},
    {"clear", [](Case& c) { c.path.state = PathState::clear; }, Action::accept, Action::accept,
     Reason::path_clear},
    {"some MX only", [](Case& c) { c.path.state = PathState::partial; }, Action::accept,
     Action::accept, Reason::path_partial},
    {"no route that counts", [](Case& c) { c.path.state = PathState::no_route; }, Action::accept,
     Action::accept, Reason::no_route},
    {"policy not read again yet", [](Case& c) { c.path.state = PathState::reread; }, Action::accept,
     Action::accept, Reason::reread_pending},
    {"probing, under the verdict", [](Case& c) { c.path.state = PathState::probing; },
     Action::defer, Action::defer, Reason::path_blocked, "4.7.4"},
    {"probing, this one goes",
     [](Case& c) { c.path.state = PathState::probing, c.facts.probe_granted = true; },
     Action::accept, Action::accept, Reason::probe},
    {"a probe is none while the verdict is active", [](Case& c) { c.facts.probe_granted = true; },
     Action::defer, Action::defer, Reason::path_blocked, "4.7.4"},
    {"testing never defers", [](Case& c) { c.path.protection = policy::Protection::sts_testing; },
     Action::tag, Action::tag, Reason::testing},
    {"testing, an override says defer",
     [](Case& c) {
       c.path.protection = policy::Protection::sts_testing, c.facts.overridden = Action::defer;
     },
     Action::tag, Action::tag, Reason::testing},
    {"DANE as enforce", [](Case& c) { c.path.protection = policy::Protection::dane; },
     Action::defer, Action::defer, Reason::path_blocked, "4.7.4"},

    {"override accept", [](Case& c) { c.facts.overridden = Action::accept; }, Action::accept,
     Action::accept, Reason::overridden},
    {"override tag", [](Case& c) { c.facts.overridden = Action::tag; }, Action::tag, Action::tag,
     Reason::path_blocked},
    {"override defer of a domain not listed",
     [](Case& c) { c.facts.overridden = Action::defer, c.facts.listed = false; }, Action::defer,
     Action::defer, Reason::path_blocked, "4.7.4"},
    {"override defer keeps the bounds",
     [](Case& c) { c.facts.overridden = Action::defer, c.facts.peer_queues = false; }, Action::tag,
     Action::tag, Reason::peer},
    {"override quarantine", [](Case& c) { c.facts.overridden = Action::quarantine; },
     Action::quarantine, Action::quarantine, Reason::path_blocked},
    {"override quarantine, null sender",
     [](Case& c) { c.facts.overridden = Action::quarantine, c.facts.null_sender = true; },
     Action::tag, Action::tag, Reason::null_sender},
    {"override quarantine, authenticated",
     [](Case& c) { c.facts.overridden = Action::quarantine, c.facts.authenticated = true; },
     Action::tag, Action::tag, Reason::authenticated},
    {"override quarantine, breaker",
     [](Case& c) { c.facts.overridden = Action::quarantine, c.facts.breaker_open = true; },
     Action::tag, Action::tag, Reason::breaker},
    {"override quarantine, report-only",
     [](Case& c) { c.facts.overridden = Action::quarantine, c.path.report_only = true; },
     Action::accept, Action::quarantine, Reason::bypass},
    {"override quarantine, whoever queues",
     [](Case& c) {
       c.facts.overridden = Action::quarantine;
       c.facts.peer_queues = c.facts.deferrals_usable = false;
     },
     Action::quarantine, Action::quarantine, Reason::path_blocked},
    {"override quarantine, clear path",
     [](Case& c) { c.facts.overridden = Action::quarantine, c.path.state = PathState::clear; },
     Action::accept, Action::accept, Reason::path_clear},

    {"null sender", [](Case& c) { c.facts.null_sender = true; }, Action::tag, Action::tag,
     Reason::null_sender},
    {"authenticated", [](Case& c) { c.facts.authenticated = true; }, Action::tag, Action::tag,
     Reason::authenticated},
    {"no peer that queues", [](Case& c) { c.facts.peer_queues = false; }, Action::tag, Action::tag,
     Reason::peer},
    {"deferrals unreadable", [](Case& c) { c.facts.deferrals_usable = false; }, Action::tag,
     Action::tag, Reason::no_memory},
    {"breaker", [](Case& c) { c.facts.breaker_open = true; }, Action::tag, Action::tag,
     Reason::breaker},
    {"deferred a moment less than max_age",
     [](Case& c) { c.facts.first_deferred = kNow - (4 * kHour - 1); }, Action::defer, Action::defer,
     Reason::path_blocked, "4.7.4"},
    {"max_age", [](Case& c) { c.facts.first_deferred = kNow - 4 * kHour; }, Action::tag,
     Action::tag, Reason::max_age},
    {"two threads, two readings of the clock",
     [](Case& c) { c.facts.first_deferred = kNow + kClockSlack; }, Action::defer, Action::defer,
     Reason::path_blocked, "4.7.4"},
    {"the clock was set back", [](Case& c) { c.facts.first_deferred = kNow + kClockSlack + 1; },
     Action::tag, Action::tag, Reason::max_age},

    {"fault of ours", [](Case& c) { c.facts.internal_error = true; }, Action::accept,
     Action::accept, Reason::internal_error},
    {"fault of ours, tempfail chosen",
     [](Case& c) { c.facts.internal_error = true, c.choices.tempfail_on_error = true; },
     Action::defer, Action::defer, Reason::internal_error, "4.3.0"},
    {"fault of ours, tempfail chosen, dry run",
     [](Case& c) {
       c.facts.internal_error = true, c.choices.tempfail_on_error = c.choices.dry_run = true;
     },
     Action::accept, Action::defer, Reason::internal_error, "4.3.0"},
    {"tempfail chosen, no fault",
     [](Case& c) { c.choices.tempfail_on_error = true, c.path.state = PathState::unknown; },
     Action::accept, Action::accept, Reason::policy_unknown},
};

TEST(MilterDecide, EverySentenceIsARow) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.what);
    Case one = deferred_case();
    row.change(one);
    const Decision decision = decide(one.facts, one.path, one.choices, kNow);
    EXPECT_EQ(name(decision.action), name(row.action));
    EXPECT_EQ(name(decision.wish), name(row.wish));
    EXPECT_EQ(name(decision.reason), name(row.reason));
    EXPECT_EQ(decision.enhanced, row.enhanced);
    EXPECT_EQ(decision.reply_code, row.enhanced.empty() ? "" : "451");
    const bool nothing_known =
        row.reason == Reason::policy_unknown || row.reason == Reason::internal_error;
    EXPECT_EQ(decision.temperror, nothing_known);
  }
}

// Every combination of everything: a mail is deferred only where all of semantics 12 allows it.
TEST(MilterDecide, NoCombinationDefersWhatMayNotBe) {
  std::size_t deferred = 0;
  for (unsigned bits = 0; bits < (1U << 13); ++bits) {
    const auto bit = [&](unsigned n) { return (bits >> n & 1) != 0; };
    Case one = deferred_case();
    one.facts.role = static_cast<Role>(bits & 3);
    one.facts.exempt = bit(2), one.facts.peer_queues = bit(3), one.facts.authenticated = bit(4);
    one.facts.null_sender = bit(5), one.facts.ours = bit(6), one.facts.smart_host = bit(7);
    one.facts.listed = bit(8), one.facts.deferrals_usable = bit(9);
    one.facts.breaker_open = bit(10), one.path.bypass = bit(11), one.path.report_only = bit(12);
    for (unsigned state = 0; state < 8; ++state) {
      one.path.state = static_cast<PathState>(state);
      const Decision decision = decide(one.facts, one.path, one.choices, kNow);
      ASSERT_NE(decision.action, Action::quarantine);
      if (decision.action != Action::defer) continue;
      ++deferred;
      ASSERT_TRUE(one.facts.peer_queues && one.facts.listed && one.facts.deferrals_usable);
      ASSERT_FALSE(one.facts.exempt || one.facts.authenticated || one.facts.null_sender ||
                   one.facts.ours || one.facts.smart_host || one.facts.breaker_open);
      ASSERT_FALSE(one.path.bypass || one.path.report_only);
      ASSERT_TRUE(one.facts.role == Role::relay || one.facts.role == Role::submission);
      ASSERT_TRUE(one.path.state == PathState::blocked || one.path.state == PathState::probing);
    }
  }
  EXPECT_EQ(deferred, 4U);  // two roles, blocked and probing
}

TEST(MilterDecide, ReasonsHaveNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (unsigned i = 0; i <= static_cast<unsigned>(Reason::internal_error); ++i)
    EXPECT_TRUE(names.insert(name(static_cast<Reason>(i))).second);
  EXPECT_EQ(names.size(), 25U);
  EXPECT_EQ(name(Reason::path_blocked), "path-blocked");
  EXPECT_EQ(name(Reason::not_ours), "not-ours");
  EXPECT_EQ(name(Reason::internal_error), "internal-error");
  EXPECT_EQ(name(PathState::no_route), "no-route");
  EXPECT_EQ(name(PathState::probing), "probing");
  EXPECT_EQ(name(Role::submission), "submission");
  EXPECT_EQ(name(Action::quarantine), "quarantine");
}

TEST(MilterDecide, ReplyTextNamesTheDomainAndTheCause) {
  Case one = deferred_case();
  const Decision decision = decide(one.facts, one.path, one.choices, kNow);
  const std::string text = reply_text(decision, one.path);
  EXPECT_NE(text.find("example.org"), std::string::npos);
  EXPECT_NE(text.find("STARTTLS"), std::string::npos);
  one.path.failure = Failure::certificate;
  EXPECT_NE(reply_text(decision, one.path).find("certificate"), std::string::npos);
  one.path.domain.assign(253, 'a');
  EXPECT_LT(reply_text(decision, one.path).size(), 480U);
  Case trouble = deferred_case();
  trouble.facts.internal_error = trouble.choices.tempfail_on_error = true;
  const Decision failed = decide(trouble.facts, trouble.path, trouble.choices, kNow);
  EXPECT_EQ(reply_text(failed, trouble.path).find("example.org"), std::string::npos);
}

}  // namespace
}  // namespace mxw::milter
