#include "milter/complaints.hpp"

#include <cstddef>
#include <string_view>

namespace mxw::milter {
namespace {

struct FeedWords {
  bool Knowledge::Numbers::* connected;
  std::string_view name, meaning;
};
constexpr std::array<FeedWords, 2> kFeeds = {{
    {&Knowledge::Numbers::policyd, "policyd's feed", "policies hold as they were last told"},
    {&Knowledge::Numbers::sensor, "the sensor's feed", "no new verdicts come"},
}};

struct CountWords {
  std::uint64_t Knowledge::Numbers::* count;
  std::string_view what;
};
constexpr std::array<CountWords, 4> kCounts = {{
    {&Knowledge::Numbers::skipped, "lines of the feeds could not be read"},
    {&Knowledge::Numbers::refused, "rows and verdicts were over a bound"},
    {&Knowledge::Numbers::cache_failed, "times the cache file could not be written"},
    {&Knowledge::Numbers::bad_files, "cache files could not be read"},
}};

bool due(const std::optional<std::int64_t>& last, std::int64_t now) {
  return !last || now - *last >= Complaints::kEvery;
}

}  // namespace

std::vector<std::string> Complaints::of(const Knowledge::Numbers& numbers, std::int64_t now) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < kFeeds.size(); ++i) {
    Feed& feed = feeds_.at(i);
    const FeedWords& words = kFeeds.at(i);
    if (numbers.*words.connected) {
      if (feed.told) lines.push_back(std::string(words.name) + " is read again");
      feed = {};
      continue;
    }
    if (!feed.since) feed.since = now;
    if (now - *feed.since < kEvery || !due(feed.told, now)) continue;
    feed.told = now;
    lines.push_back(std::string(words.name) + " is absent for " +
                    std::to_string((now - *feed.since) / kMinute) +
                    " min: " + std::string(words.meaning));
  }
  for (std::size_t i = 0; i < kCounts.size(); ++i) {
    Count& count = counts_.at(i);
    const std::uint64_t all = numbers.*kCounts.at(i).count;
    if (all <= count.told || !due(count.when, now)) continue;
    lines.push_back(std::to_string(all - count.told) + ' ' + std::string(kCounts.at(i).what));
    count = {all, now};
  }
  return lines;
}

}  // namespace mxw::milter
