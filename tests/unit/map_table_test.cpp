#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>

#include "map/table.hpp"

namespace mxw::map {
namespace {

Compiled facts(std::int64_t mark) {
  Compiled out;
  out.sts_until = Time{mark};
  return out;
}

std::int64_t mark_of(const Table& table, std::string_view domain) {
  const Table::Row* row = table.find(domain);
  return row == nullptr ? -1 : row->facts.sts_until.ns;
}

TEST(MapTable, RowsAreSetReplacedAndErased) {
  Table table(HashKey{1, 2}, 4);
  EXPECT_TRUE(table.put("a.example", facts(1)));
  EXPECT_TRUE(table.put("b.example", facts(2)));
  EXPECT_TRUE(table.put("a.example", facts(3)));
  EXPECT_EQ(table.size(), 2U);
  EXPECT_EQ(mark_of(table, "a.example"), 3);
  table.erase("a.example");
  table.erase("never.example");
  EXPECT_EQ(mark_of(table, "a.example"), -1);
  EXPECT_EQ(mark_of(table, "b.example"), 2);
  EXPECT_EQ(mark_of(table, ""), -1);
  table.clear();
  EXPECT_EQ(table.size(), 0U);
  EXPECT_EQ(mark_of(table, "b.example"), -1);
}

TEST(MapTable, AFullTableRefusesNewDomainsAndTakesOldOnes) {
  Table table(HashKey{1, 2}, 3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(table.put(std::to_string(i), facts(i)));
  EXPECT_FALSE(table.put("more", facts(9)));
  EXPECT_TRUE(table.put("1", facts(7)));
  EXPECT_EQ(mark_of(table, "1"), 7);
  table.erase("0");
  EXPECT_TRUE(table.put("more", facts(9)));
}

// Against the standard library's, with so few places that searches run into each other and around.
TEST(MapTable, HoldsExactlyWhatWasPutThroughAnyOrderOfChanges) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Table table(HashKey{seed, 0}, 40);
    std::set<std::string> model;
    std::uint64_t random = seed;
    for (int step = 0; step < 3'000; ++step) {
      random = random * 6'364'136'223'846'793'005ULL + 1;
      const std::string name = std::to_string((random >> 33) % 60);
      if ((random >> 60) < 8) {
        if (table.put(name, facts(std::stoi(name)))) model.insert(name);
      } else {
        table.erase(name);
        model.erase(name);
      }
    }
    ASSERT_EQ(table.size(), model.size());
    for (int i = 0; i < 60; ++i) {
      const std::string name = std::to_string(i);
      EXPECT_EQ(mark_of(table, name), model.contains(name) ? i : -1) << seed;
    }
  }
}

}  // namespace
}  // namespace mxw::map
