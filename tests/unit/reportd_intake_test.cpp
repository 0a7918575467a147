// The reports of others: which are taken, what their signature has to do with it, what the
// operator's socket says of them and of ours.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/digest.hpp"
#include "core/ipc/request.hpp"
#include "reportd/control.hpp"
#include "reportd/day.hpp"
#include "tests/unit/reportd_lookups.hpp"
#include "tests/unit/store_support.hpp"

namespace mxw::reportd {
namespace {

using store::IntakeState;
using store::value_of;
using testing::HasSubstr;

constexpr store::Day kTheDay = 20'783;  // 2026-11-26
constexpr Time kNow{(kTheDay + 1) * kDay + 8 * kHour};

std::string policy(const std::string& type, const std::string& domain, int good, int failed) {
  std::string out = R"({"policy":{"policy-type":")" + type + R"(","policy-domain":")" + domain +
                    R"(","policy-string":["version: STSv1"],"mx-host":["mx.example.org"]},)"
                    R"("summary":{"total-successful-session-count":)" +
                    std::to_string(good) + R"(,"total-failure-session-count":)" +
                    std::to_string(failed) + "}";
  if (failed > 0)
    out += R"(,"failure-details":[{"result-type":"certificate-expired","receiving-mx-hostname":)"
           R"("mx.example.org","failed-session-count":)" +
           std::to_string(failed) + "}]";
  return out + "}";
}

std::string json(const std::string& policies, const std::string& id = "r1") {
  return R"({"organization-name":"Reporter","date-range":{"start-datetime":"2026-11-26T00:00:00Z",)"
         R"("end-datetime":"2026-11-26T23:59:59Z"},"contact-info":"tls@reporter.example",)"
         R"("report-id":")" +
         id + R"(","policies":[)" + policies + "]}";
}

std::string mail(const std::string& body, const std::string& signature = "") {
  return signature +
         "From: tls@reporter.example\r\nTLS-Report-Domain: example.org\r\n"
         "TLS-Report-Submitter: reporter.example\r\nDate: Fri, 27 Nov 2026 01:00:00 +0000\r\n"
         "Subject: Report Domain: example.org Submitter: reporter.example Report-ID: <r1@x>\r\n"
         "MIME-Version: 1.0\r\nContent-Type: application/tlsrpt+json\r\n\r\n" +
         body + "\r\n";
}

class IntakeTest : public testing::Test {
 protected:
  void SetUp() override {
    store_ = value_of(store::ReportStore::open(folder_.file("report.db")));
    reports_ = std::make_unique<store::IntakeStore>(store_->database());
    config::Intake settings;
    settings.domains = {"example.org", "example.net"};
    settings.mx_hosts = {"mx.example.org"};
    intake_ = std::make_unique<Intake>(*reports_, lookups_, settings);
  }
  TakenReport import(const std::string& octets, bool dry_run = false) {
    std::optional<TakenReport> out;
    intake_->import(octets, {dry_run, false}, kNow, [&](const TakenReport& taken) { out = taken; });
    for (int i = 0; i < 5 && !out; ++i) lookups_.answer();
    EXPECT_TRUE(out);
    return out.value_or(TakenReport{});
  }
  std::vector<store::IntakeDay> days() {
    return value_of(reports_->days(0, kTheDay - 10, kTheDay + 10, "", 100));
  }

  store::TemporaryDirectory folder_;
  std::unique_ptr<store::ReportStore> store_;
  std::unique_ptr<store::IntakeStore> reports_;
  test::HeldLookups lookups_;
  std::unique_ptr<Intake> intake_;
};

TEST_F(IntakeTest, TakesPoliciesOfOurDomainsAlone) {
  const auto taken = import(
      json(policy("sts", "example.org", 5, 2) + "," + policy("sts", "foreign.example", 7, 0)));
  EXPECT_EQ(taken.taken, Taken::counted);
  EXPECT_THAT(taken.deviations, HasSubstr("foreign-domain"));
  ASSERT_EQ(days().size(), 1U);
  EXPECT_EQ(days()[0].domain, "example.org");
  EXPECT_EQ(days()[0].sessions, 7U);
  EXPECT_EQ(import(json(policy("sts", "foreign.example", 7, 0), "r2")).taken, Taken::foreign);
  EXPECT_EQ(import(json(policy("sts", "sub.example.org", 7, 0), "r3")).taken, Taken::foreign);
  EXPECT_EQ(import(json(policy("tlsa", "mx.example.org", 7, 0), "r4")).taken, Taken::counted);
}

TEST_F(IntakeTest, ASessionToldAsTlsaAndStsCountsOnce) {
  import(json(policy("sts", "example.org", 5, 0) + "," + policy("sts", "example.org", 1, 1) + "," +
              policy("tlsa", "example.org", 6, 0)));
  ASSERT_EQ(days().size(), 1U);
  EXPECT_EQ(days()[0].sessions, 7U);
  EXPECT_EQ(days()[0].failure, 1U);
  // Of another reporter: other sessions.
  std::string other = json(policy("tlsa", "example.org", 3, 0));
  other.replace(other.find("tls@reporter.example"), 20, "tls@elsewhere.test.x");
  import(other);
  EXPECT_EQ(days()[0].sessions, 10U);
}

TEST_F(IntakeTest, KnowsAReportAgain) {
  const std::string first = json(policy("sts", "example.org", 5, 2));
  EXPECT_EQ(import(first).taken, Taken::counted);
  EXPECT_EQ(import(first).taken, Taken::duplicate);
  EXPECT_EQ(import(mail(first)).taken, Taken::duplicate);
  const auto changed = import(json(policy("sts", "example.org", 6, 2)));
  EXPECT_EQ(changed.taken, Taken::changed);
  EXPECT_THAT(changed.deviations, HasSubstr("other-body"));
  EXPECT_EQ(days()[0].sessions, 7U);
  EXPECT_EQ(value_of(reports_->count(0, IntakeState::changed)), 1U);
}

TEST_F(IntakeTest, ADryRunStoresNothing) {
  EXPECT_EQ(import(json(policy("sts", "example.org", 5, 2)), true).taken, Taken::counted);
  EXPECT_TRUE(days().empty());
}

TEST_F(IntakeTest, WhatIsNoReportSaysWhy) {
  EXPECT_EQ(import("Subject: hello\r\n\r\nHow are you?\r\n").taken, Taken::no_report);
  const auto refused = import("{\"organization-name\":\"x\",\"policies\":[]}");
  EXPECT_EQ(refused.taken, Taken::refused);
  EXPECT_EQ(refused.reason, "no-date-range");
}

TEST_F(IntakeTest, MailWithoutASignatureIsQuarantined) {
  EXPECT_EQ(intake_->take_mail(mail(json(policy("sts", "example.org", 5, 2))), kNow),
            Taken::quarantined);
  EXPECT_TRUE(days().empty());
  EXPECT_EQ(value_of(reports_->count(0, IntakeState::quarantined)), 1U);
  // It blocks no report of that name which is proved, or vouched for.
  EXPECT_EQ(import(json(policy("sts", "example.org", 9, 0))).taken, Taken::counted);
  EXPECT_EQ(days()[0].sessions, 9U);
  // The operator vouches for it: now it is known under another body.
  EXPECT_EQ(import(json(policy("sts", "example.org", 5, 2))).taken, Taken::changed);
}

TEST_F(IntakeTest, AnImportNobodyVouchesForIsQuarantined) {
  std::optional<Taken> taken;
  intake_->import(mail(json(policy("sts", "example.org", 5, 2))), {false, true}, kNow,
                  [&](const TakenReport& done) { taken = done.taken; });
  EXPECT_EQ(taken, Taken::quarantined);
  EXPECT_TRUE(days().empty());
}

TEST_F(IntakeTest, AKeyThatIsNotThereIsTold) {
  const std::string signature =
      "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=reporter.example; s=k; "
      "h=From:Subject; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n";
  EXPECT_EQ(intake_->take_mail(mail(json(policy("sts", "example.org", 5, 2)), signature), kNow),
            Taken::quarantined);
  lookups_.denied("k._domainkey.reporter.example");
  lookups_.answer();
  EXPECT_EQ(lookups_.asked, std::vector<std::string>{"k._domainkey.reporter.example"});
  const auto rows = value_of(reports_->newest(0, 10));
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].state, IntakeState::quarantined);
  EXPECT_EQ(rows[0].dkim, "no-key");
}

TEST(Dkim, CountsOnlyOfTheSubmitterOrTheSender) {
  const struct {
    const char *signature, *domain;
    bool aligned;
  } rows[] = {
      {"example.org", "example.org", true},
      {"corp.example.org", "example.org", true},
      {"example.org", "mail.example.org", true},
      {"badexample.org", "example.org", false},
      {"a.example.org", "b.example.org", false},
      {"org", "example.org", false},
      {"", "example.org", false},
      {"example.org", "", false},
  };
  for (const auto& row : rows)
    EXPECT_EQ(aligned(row.signature, row.domain), row.aligned)
        << row.signature << ' ' << row.domain;
  report::MailFacts facts;
  facts.from_domain = "example.org";
  facts.submitter = "reports.example.net";
  dkim::Verification verified;
  const auto sign = [&](const char* domain, dkim::Status status) {
    dkim::Signature one;
    one.domain = domain;
    one.status = status;
    one.key_for_tlsrpt = true;
    one.covers_report = domain == std::string("example.net");
    verified.signatures.push_back(one);
  };
  bool covered = true;
  EXPECT_EQ(dkim_word(verified, facts, covered), "none");
  sign("elsewhere.example", dkim::Status::pass);
  EXPECT_EQ(dkim_word(verified, facts, covered), "none");
  sign("example.org", dkim::Status::fail);
  EXPECT_EQ(dkim_word(verified, facts, covered), "fail");
  sign("example.org", dkim::Status::no_key);
  EXPECT_EQ(dkim_word(verified, facts, covered), "no-key");
  sign("example.org", dkim::Status::pass);
  EXPECT_EQ(dkim_word(verified, facts, covered), "pass");
  EXPECT_FALSE(covered);
  sign("example.net", dkim::Status::pass);
  EXPECT_EQ(dkim_word(verified, facts, covered), "pass");
  EXPECT_TRUE(covered);
}

class ControlTest : public IntakeTest {
 protected:
  void SetUp() override {
    IntakeTest::SetUp();
    DayRunSettings settings;
    settings.build.organisation = "Example";
    settings.build.contact = "tls@example.net";
    days_run_ = std::make_unique<DayRun>(
        *store_, lookups_, settings, [](store::Day, const std::function<void()>& done) { done(); });
    make(false);
  }
  void make(bool send) {
    control_ = std::make_unique<Control>(
        Control::Parts{.store = *store_,
                       .intake_store = *reports_,
                       .days = *days_run_,
                       .intake = *intake_,
                       .status = [](JsonWriter& json) { json.member("sending", false); },
                       .clock = [] { return kNow; },
                       .send = send,
                       .tenant = 0});
  }
  std::string ask(const std::string& members) {
    std::string out = "no answer";
    control_->answer("{\"v\":1," + members + "}",
                     [&](std::string reply) { out = std::move(reply); });
    for (int i = 0; i < 5 && out == "no answer"; ++i) lookups_.answer();
    EXPECT_LE(out.size(), ipc::kAnswerBytes);
    return out;
  }
  void count_and_store() {
    store::TallyAdd add;
    add.key.day = kTheDay;
    add.key.source = "postfix";
    add.key.domain = "there.example";
    add.key.type = "no-policy-found";
    add.success = 4;
    value_of(store_->add({{add}, {}}));
    value_of(store_->put_rua({.tenant = 0,
                              .origin = "test",
                              .day = kTheDay,
                              .domain = "there.example",
                              .record = "v=TLSRPTv1; rua=mailto:r@there.example",
                              .seen = kNow}));
    days_run_->tick(kNow);
    while (days_run_->work(kNow)) lookups_.answer();
  }

  std::unique_ptr<DayRun> days_run_;
  std::unique_ptr<Control> control_;
};

TEST_F(ControlTest, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT(ask("\"cmd\":\"x\""), HasSubstr("no day is given"));
  EXPECT_THAT(ask("\"cmd\":\"x\",\"day\":\"2026-11-26\",\"domain\":\"a.example\""),
              HasSubstr("unknown command: x"));
  EXPECT_THAT(ask("\"cmd\":\"show\",\"day\":\"2026-11-26\",\"domain\":\"_x\""),
              HasSubstr("no domain name"));
  EXPECT_THAT(ask("\"cmd\":\"build\",\"day\":\"2026-11-27\""), HasSubstr("not complete"));
}

TEST_F(ControlTest, TellsOfOurReports) {
  count_and_store();
  const std::string of = "\"day\":\"2026-11-26\",\"domain\":\"there.example\"";
  EXPECT_THAT(ask("\"cmd\":\"days\""), HasSubstr("\"day\":\"2026-11-26\""));
  EXPECT_THAT(ask("\"cmd\":\"list\",\"day\":\"2026-11-26\""), HasSubstr("\"state\":\"queued\""));
  EXPECT_THAT(ask("\"cmd\":\"show\"," + of), HasSubstr("mailto:r@there.example"));
  EXPECT_THAT(ask("\"cmd\":\"domains\",\"day\":\"2026-11-26\""),
              HasSubstr("\"domains\":[\"there.example\"]"));
  EXPECT_THAT(ask("\"cmd\":\"text\",\"what\":\"report\"," + of), HasSubstr("\"size\":"));
  EXPECT_THAT(ask("\"cmd\":\"text\",\"what\":\"build\"," + of), HasSubstr("\"built\":\"stored\""));
  EXPECT_THAT(ask("\"cmd\":\"text\",\"what\":\"fetcher\"," + of), HasSubstr("\"body\":"));
}

TEST_F(ControlTest, SendsOnlyWhereSendingIsOn) {
  count_and_store();
  const std::string send = "\"cmd\":\"send\",\"day\":\"2026-11-26\",\"domain\":\"there.example\"";
  EXPECT_THAT(ask(send), HasSubstr("sending is off"));
  EXPECT_THAT(ask(send + ",\"dry_run\":true"), HasSubstr("\"uri\":\"mailto:r@there.example\""));
  EXPECT_FALSE(value_of(store_->report({0, kTheDay, "there.example"}))->next_at);
  make(true);
  EXPECT_THAT(ask(send), HasSubstr("\"queued\":true"));
  EXPECT_EQ(value_of(store_->report({0, kTheDay, "there.example"}))->next_at, kNow);
  EXPECT_THAT(ask("\"cmd\":\"text\",\"what\":\"fetcher\",\"day\":\"2026-11-26\",\"domain\":"
                  "\"there.example\""),
              HasSubstr("our own delivery is on"));
}

TEST_F(ControlTest, TakesAnImportInPieces) {
  const std::string octets = json(policy("sts", "example.org", 5, 2));
  const std::size_t half = octets.size() / 2;
  const auto piece = [&](std::size_t from, std::size_t to) {
    return ask("\"cmd\":\"import\",\"id\":\"x\",\"offset\":" + std::to_string(from) +
               ",\"size\":" + std::to_string(octets.size()) + ",\"body\":\"" +
               base64(as_bytes(std::string_view(octets).substr(from, to - from))) + "\"");
  };
  EXPECT_THAT(piece(half, octets.size()), HasSubstr("come in order"));
  EXPECT_THAT(piece(0, half), testing::Not(HasSubstr("taken")));
  EXPECT_THAT(piece(half, octets.size()), HasSubstr("\"taken\":\"counted\""));
  const std::string inbox = ask("\"cmd\":\"inbox\"");
  EXPECT_THAT(inbox, HasSubstr("\"sessions\":7"));
  EXPECT_THAT(inbox, HasSubstr("\"result_type\":\"certificate-expired\""));
  EXPECT_THAT(inbox, HasSubstr("\"submitter\":\"reporter.example\""));
}

}  // namespace
}  // namespace mxw::reportd
