// What a reader holds of policyd's failures: spans, hosts, resets, bounds.
#include <gmock/gmock.h>

#include "core/feed/codec.hpp"
#include "core/feed/failure_replica.hpp"
#include "tests/unit/feed_support.hpp"

namespace mxw::feed {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Failures : public testing::Test {
 protected:
  void tell(const std::string& result, std::int64_t from, std::optional<std::int64_t> to,
            std::int64_t seen, const std::string& mx_host = "",
            const std::string& domain = "example.org") {
    rows::PolicyFailureRow row = failure_row(domain);
    row.mx_host = mx_host;
    row.result = result;
    row.from = at(from);
    row.to = to ? std::optional(at(*to)) : std::nullopt;
    row.seen = at(seen);
    row.seq = ++seq;
    replica.on_change(row);
  }
  std::vector<std::string> held(std::int64_t time, const std::string& mx_host = "mx.example.org",
                                const std::string& domain = "example.org") {
    std::vector<std::string> results;
    for (const rows::PolicyFailureRow* row : replica.at(domain, mx_host, at(time)))
      results.push_back(row->result);
    return results;
  }

  FailureReplica replica{{.failures = 4, .of_domain = 3}};
  rows::Sequence seq = 0;
};

TEST_F(Failures, HoldFromTheFirstBadLookToTheFirstGoodOne) {
  tell("sts-policy-fetch-error", 100, {}, 100);
  EXPECT_THAT(held(99), IsEmpty());
  EXPECT_THAT(held(100), ElementsAre("sts-policy-fetch-error"));
  tell("sts-policy-fetch-error", 100, {}, 200);  // again
  EXPECT_EQ(replica.size(), 1U);
  tell("sts-policy-fetch-error", 100, 300, 200);
  EXPECT_EQ(replica.size(), 1U);
  EXPECT_THAT(held(299), ElementsAre("sts-policy-fetch-error"));
  EXPECT_THAT(held(300), IsEmpty());
  tell("sts-webpki-invalid", 300, {}, 300);
  EXPECT_THAT(held(299), ElementsAre("sts-policy-fetch-error"));
  EXPECT_THAT(held(300), ElementsAre("sts-webpki-invalid"));
  EXPECT_THAT(held(300, "mx.example.org", "other.example"), IsEmpty());
}

TEST_F(Failures, AnOpenOneThatNobodyLooksAtAnyMoreEnds) {
  tell("sts-policy-invalid", 0, {}, 500);
  const std::int64_t day = 86'400;
  EXPECT_THAT(held(500 + day), ElementsAre("sts-policy-invalid"));
  EXPECT_THAT(held(501 + day), IsEmpty());
  rows::PolicyFailureRow far = failure_row("far.example");
  far.from = Time{INT64_MIN};
  far.seen = Time{INT64_MIN};
  far.to.reset();
  EXPECT_FALSE(FailureReplica::holds(far, Time{INT64_MAX}));
}

TEST_F(Failures, OfAHostAreItsOwn) {
  tell("tlsa-invalid", 0, {}, 0, "mx1.example.org");
  tell("dnssec-invalid", 0, {}, 0);
  EXPECT_THAT(held(1, "mx1.example.org"), ElementsAre("tlsa-invalid", "dnssec-invalid"));
  EXPECT_THAT(held(1, "mx2.example.org"), ElementsAre("dnssec-invalid"));
  EXPECT_THAT(held(1, ""), ElementsAre("dnssec-invalid"));
}

TEST_F(Failures, AResetTakesWhatIsNotToldAgain) {
  tell("sts-policy-invalid", 0, {}, 0);
  tell("sts-policy-invalid", 0, {}, 0, "", "gone.example");
  EXPECT_FALSE(replica.complete());
  replica.on_reset();
  EXPECT_EQ(replica.sequence(), 0U);
  EXPECT_THAT(held(1), ElementsAre("sts-policy-invalid")) << "until the end";
  tell("sts-policy-invalid", 0, {}, 0);
  EXPECT_THAT(held(1, "", "gone.example"), ElementsAre("sts-policy-invalid"));
  replica.on_end(77);
  EXPECT_THAT(held(1), ElementsAre("sts-policy-invalid"));
  EXPECT_THAT(held(1, "", "gone.example"), IsEmpty());
  EXPECT_EQ(replica.sequence(), 77U);
  EXPECT_TRUE(replica.complete());
  EXPECT_EQ(replica.counters().swept, 1U);
}

TEST_F(Failures, AnEvictedDomainTakesThem) {
  tell("sts-policy-invalid", 0, {}, 0);
  replica.on_change(rows::Deletion{.table = rows::Table::policy, .name = "example.org", .seq = 8});
  EXPECT_EQ(replica.size(), 1U);
  replica.on_change(rows::Deletion{.table = rows::Table::domain, .name = "example.org", .seq = 9});
  EXPECT_EQ(replica.size(), 0U);
  EXPECT_EQ(replica.sequence(), 9U);
}

TEST_F(Failures, StayWithinTheirBounds) {
  for (int i = 0; i < 5; ++i) tell("sts-policy-invalid", 10 * i, 10 * i + 5, 10 * i);
  EXPECT_EQ(replica.size(), 3U) << "of one domain the newest";
  EXPECT_THAT(held(11), IsEmpty());
  EXPECT_THAT(held(21), ElementsAre("sts-policy-invalid"));
  tell("sts-policy-invalid", 0, {}, 0, "", "a.example");
  tell("sts-policy-invalid", 0, {}, 0, "", "b.example");
  EXPECT_EQ(replica.size(), 4U);
  EXPECT_EQ(replica.counters().refused, 1U);
  replica.on_reset();
  tell("sts-policy-invalid", 0, {}, 0, "", "b.example");
  EXPECT_THAT(held(1, "", "b.example"), ElementsAre("sts-policy-invalid")) << "old ones made room";
}

TEST_F(Failures, GoWithTheirTime) {
  tell("sts-policy-invalid", 0, 50, 40);
  tell("sts-webpki-invalid", 50, {}, 60);
  const std::int64_t week = 7 * 86'400;
  EXPECT_EQ(replica.prune(at(50 + week)), 0U);
  EXPECT_EQ(replica.prune(at(51 + week)), 1U);
  EXPECT_EQ(replica.prune(at(61 + week)), 1U);
  EXPECT_EQ(replica.size(), 0U);
  EXPECT_EQ(replica.prune(Time{INT64_MAX}), 0U);
}

}  // namespace
}  // namespace mxw::feed
