#include "core/base/aging_clock.hpp"

#include <gtest/gtest.h>

namespace mxw {
namespace {

constexpr Time kBegin{1'796'083'200 * kSecond};

TEST(AgingClock, FollowsTheWallClockWhileBothAgree) {
  AgingClock clock(kBegin, 0);
  EXPECT_EQ(clock.read(kBegin + kHour, kHour), kBegin + kHour);
  EXPECT_EQ(clock.read(kBegin + 2 * kHour + kSecond, 2 * kHour), kBegin + 2 * kHour + kSecond);
  EXPECT_FALSE(clock.stepped());
}

TEST(AgingClock, DriftOverDaysIsNoStep) {
  AgingClock clock(kBegin, 0);
  // One second an hour, for thirty days: twelve minutes together.
  for (std::int64_t hour = 1; hour <= 720; ++hour)
    EXPECT_EQ(clock.read(kBegin + hour * (kHour + kSecond), hour * kHour),
              kBegin + hour * (kHour + kSecond));
  EXPECT_FALSE(clock.stepped());
}

TEST(AgingClock, AStepIsNotFollowedInEitherDirection) {
  for (const std::int64_t step : {400 * kDay, -400 * kDay, 5 * kMinute + kSecond}) {
    AgingClock clock(kBegin, 0);
    EXPECT_EQ(clock.read(kBegin + kHour + step, kHour), kBegin + kHour) << step;
    EXPECT_TRUE(clock.stepped());
    EXPECT_EQ(clock.step(), step);
    EXPECT_EQ(clock.read(kBegin + 2 * kHour + step, 2 * kHour), kBegin + 2 * kHour) << step;
  }
}

TEST(AgingClock, ASleepingMachineAges) {
  AgingClock clock(kBegin, 0);
  EXPECT_EQ(clock.read(kBegin + 3 * kDay, 3 * kDay), kBegin + 3 * kDay);
  EXPECT_FALSE(clock.stepped());
}

TEST(StepWatch, FollowsAgainOnlyAfterAnUnbrokenFeed) {
  AgingClock clock(kBegin, 0);
  StepWatch watch;
  EXPECT_FALSE(watch.over(clock, true)) << "nothing stepped";
  (void)clock.read(kBegin + kDay, kSecond);
  ASSERT_TRUE(clock.stepped());
  for (unsigned i = 1; i < StepWatch::kTelling; ++i) EXPECT_FALSE(watch.over(clock, true));
  EXPECT_FALSE(watch.over(clock, false)) << "broken: from the beginning";
  for (unsigned i = 1; i < StepWatch::kTelling; ++i) EXPECT_FALSE(watch.over(clock, true));
  EXPECT_TRUE(watch.over(clock, true));
  EXPECT_FALSE(clock.stepped());
}

}  // namespace
}  // namespace mxw
