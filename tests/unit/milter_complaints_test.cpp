// What the log hears of feeds that are absent and of what could not be taken.
#include "milter/complaints.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mxw::milter {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kNoSensor = "the sensor's feed is absent for 1 min: no new verdicts come";

Knowledge::Numbers all_there() {
  Knowledge::Numbers numbers;
  numbers.policyd = numbers.sensor = true;
  return numbers;
}

TEST(MilterComplaints, OfAFeedThatIsAbsentForAMinute) {
  Complaints complaints;
  Knowledge::Numbers numbers = all_there();
  EXPECT_THAT(complaints.of(numbers, 0), IsEmpty());
  numbers.sensor = false;
  EXPECT_THAT(complaints.of(numbers, 10 * kSecond), IsEmpty());
  EXPECT_THAT(complaints.of(numbers, 70 * kSecond - 1), IsEmpty());
  EXPECT_THAT(complaints.of(numbers, 70 * kSecond), ElementsAre(kNoSensor));
  EXPECT_THAT(complaints.of(numbers, 130 * kSecond - 1), IsEmpty()) << "once a minute";
  EXPECT_THAT(complaints.of(numbers, 130 * kSecond),
              ElementsAre("the sensor's feed is absent for 2 min: no new verdicts come"));
  numbers.sensor = true;
  EXPECT_THAT(complaints.of(numbers, 131 * kSecond),
              ElementsAre("the sensor's feed is read again"));
  EXPECT_THAT(complaints.of(numbers, 132 * kSecond), IsEmpty());
}

TEST(MilterComplaints, NotOfAFeedThatWasAwayForLess) {
  Complaints complaints;
  Knowledge::Numbers numbers = all_there();
  numbers.policyd = false;
  EXPECT_THAT(complaints.of(numbers, 0), IsEmpty());
  numbers.policyd = true;
  EXPECT_THAT(complaints.of(numbers, 59 * kSecond), IsEmpty());
  numbers.policyd = false;
  EXPECT_THAT(complaints.of(numbers, 60 * kSecond), IsEmpty()) << "its minute begins anew";
  EXPECT_THAT(
      complaints.of(numbers, 120 * kSecond),
      ElementsAre("policyd's feed is absent for 1 min: policies hold as they were last told"));
}

TEST(MilterComplaints, OfWhatWasLostSinceTheLastLine) {
  Complaints complaints;
  Knowledge::Numbers numbers = all_there();
  numbers.skipped = 2, numbers.refused = 1, numbers.cache_failed = 1, numbers.bad_files = 1;
  EXPECT_THAT(complaints.of(numbers, 0), ElementsAre("2 lines of the feeds could not be read",
                                                     "1 rows and verdicts were over a bound",
                                                     "1 times the cache file could not be written",
                                                     "1 cache files could not be read"));
  numbers.skipped = 5;
  EXPECT_THAT(complaints.of(numbers, 59 * kSecond), IsEmpty());
  numbers.skipped = 6;
  EXPECT_THAT(complaints.of(numbers, 60 * kSecond),
              ElementsAre("4 lines of the feeds could not be read"));
  EXPECT_THAT(complaints.of(numbers, 200 * kSecond), IsEmpty());
}

}  // namespace
}  // namespace mxw::milter
