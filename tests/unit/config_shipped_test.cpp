// The files made from the option table are as it says now, and the shipped one is what it seems.
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "core/config/load.hpp"
#include "core/config/options.hpp"

namespace mxw::config {
namespace {

std::string file(const std::string& name) {
  std::ifstream in(std::string(MXW_SOURCE_DIR) + '/' + name);
  EXPECT_TRUE(in) << name;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(Shipped, DocumentIsWhatTheTableSays) {
  EXPECT_EQ(file("docs/config.md"), documentation()) << "make it anew: config_doc docs";
}

TEST(Shipped, FileIsWhatTheTableSays) {
  EXPECT_EQ(file("packaging/mxwarden.toml"), shipped_file()) << "make it anew: config_doc file";
}

TEST(Shipped, FileIsTheDefaultsAlsoWithoutItsCommentSigns) {
  const std::string shipped = file("packaging/mxwarden.toml");
  const auto commented = parse(shipped, "shipped");
  ASSERT_TRUE(commented) << commented.error().message;
  EXPECT_TRUE(changes(Config{}, *commented).empty());
  std::istringstream lines(shipped);
  std::string open, line;
  std::size_t keys = 0;
  while (std::getline(lines, line)) {
    const bool key = line.size() > 1 && line[0] == '#' && line[1] != ' ';
    keys += key ? 1U : 0U;
    open += (key ? line.substr(1) : line) + '\n';
  }
  EXPECT_EQ(keys, options().size());
  const auto uncommented = parse(open, "open");
  ASSERT_TRUE(uncommented) << uncommented.error().message;
  EXPECT_TRUE(changes(Config{}, *uncommented).empty());
}

TEST(Shipped, EveryKeyStandsOnceInAKnownTable) {
  std::set<std::string> seen, known;
  for (const TableHelp& table : tables()) known.insert(std::string(table.name));
  for (const Option& option : options()) {
    EXPECT_TRUE(seen.insert(option.name()).second) << option.name();
    EXPECT_TRUE(known.contains(std::string(option.table))) << option.name();
    EXPECT_FALSE(option.help.empty() || option.help.ends_with('.')) << option.name();
    const bool unit = option.unit.empty() || option.key.ends_with('_' + std::string(option.unit));
    EXPECT_TRUE(unit) << option.name();
  }
}

}  // namespace
}  // namespace mxw::config
