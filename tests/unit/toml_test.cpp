// How deeply a text nests, judged before it is parsed, and the places of values and of errors.
#include "core/toml/toml_tree.hpp"

#include <gtest/gtest.h>

#include "core/toml/depth.hpp"

namespace mxw::toml {
namespace {

// The least limit a text keeps.
std::size_t depth(std::string_view text) {
  std::size_t limit = 0;
  while (nested_deeper_than(limit, text)) ++limit;
  return limit;
}

struct Row {
  const char* text;
  std::size_t depth;
};

TEST(Depth, CountsKeysArraysAndTablesTogether) {
  const Row rows[] = {
      {"", 0},
      {"a = 1", 0},
      {"a.b = 1\nc.d = 2", 1},
      {"a.b.c = 1", 2},
      {"a . b\t. c = 1", 2},
      {"a = [1, 2]", 1},
      {"a = [[1], [2, [3]]]", 3},
      {"a.b = {c.d = [1]}", 4},
      {"a = {b.c = 1, d.e = 2}", 2},
      {"[a.b]\nc.d = 1", 2},
      {"[[a]]\nb = 1", 2},
      {"a = [\n  {b.c = 1},\n  {d.e = 1},\n]\nf = 1", 3},
      {"\"a.b.c\" = 1", 0},
      {"'a.b.c' = 1", 0},
      {"\"a\\\".b\".c = 1", 1},
      {"'a\\'.c.d = 1", 2},
      {"\"=\".\",\".\"[\".\"#\".x = 1", 4},
      {"a = 'x' # a.b.c.d [[[", 0},
      {"a = \"# [[[\" # [", 0},
      {"a = \"\"\"\n[[ . \" \"\" \\\"\"\" . \"\"\"\nb.c = 1", 1},
      {"a = '''\n. ' '' . '''\nb.c = 1", 1},
      {"a = [\"\"\"\"\"\", b]", 1},
      {"a = [\"\"\"\"x\"\"\"\"\", [1]]", 2},
      {"a = \"\"\nb.c = 1", 1},
      {"a = {b = \"\"\"\n\"\"\", c.c.c = 1}", 3},
  };
  for (const Row& row : rows) EXPECT_EQ(depth(row.text), row.depth) << row.text;
}

TEST(Depth, OpenStringsAndStrayBracketsDoNoHarm) {
  for (const char* text : {"\"", "'", "\"\"\"", "'''", "\"\\", "a = \"x\\", "]]]}}", "\"\"\"\\"}) {
    EXPECT_EQ(depth(text), 0U) << text;
  }
}

TEST(Depth, SaysWhere) {
  const auto at = nested_deeper_than(1, "x = 1\n  a.b.c = 1");
  ASSERT_TRUE(at);
  EXPECT_EQ(at->line, 2U);
  EXPECT_EQ(at->column, 6U);
}

TEST(Toml, ValuesKnowLineAndColumn) {
  const auto root = parse_toml("a = 1\n[t]\n  b = [ 2,\n 'x']\n", "f");
  ASSERT_TRUE(root);
  const auto* table = root->as<Node::Table>();
  EXPECT_EQ(find(*table, "a")->column, 5U);
  const Node* array = find(*find(*table, "t")->as<Node::Table>(), "b");
  EXPECT_EQ(array->line, 3U);
  EXPECT_EQ(array->column, 7U);
  EXPECT_EQ(array->as<Node::Array>()->at(1).line, 4U);
  EXPECT_EQ(array->as<Node::Array>()->at(1).column, 2U);
}

TEST(Toml, ErrorsHaveAColumnWhenAsked) {
  EXPECT_TRUE(parse_toml("\na = = 1", "f").error().message.starts_with("f:2: not TOML: "));
  EXPECT_TRUE(parse_toml("\na = = 1", "f", Place::line_and_column)
                  .error()
                  .message.starts_with("f:2:5: not TOML: "));
}

// toml++ 3.3 has undefined behaviour there: a sanitizer sees it come back.
TEST(Toml, CharactersBeyondAsciiAreNoBlanks) {
  for (const char* character : {"\xef\xb9\xa6", "\xef\xbb\xbb", "\xef\xbb\xbe", "\xe1\x9a\x81"}) {
    const std::string c(character);
    EXPECT_FALSE(parse_toml(c + "]\nt", "f")) << c;
    EXPECT_FALSE(parse_toml("a = 1 " + c, "f")) << c;
    EXPECT_TRUE(parse_toml("a = \"\"\"\\\n" + c + "\"\"\" # " + c, "f")) << c;
  }
}

TEST(Toml, EveryWayToNestIsBounded) {
  std::string dotted, arrays(5'000, '['), inlined;
  for (int i = 0; i < 30'000; ++i) dotted += "a.";
  for (int i = 0; i < 1'000; ++i) inlined += "{a=";
  for (const std::string& text :
       {dotted + "b = 1", '[' + dotted + "b]", "[[" + dotted + "b]]", "a = " + arrays,
        "a = " + inlined, "a = {" + dotted + "b = 1}", "a = [\n{" + dotted + "b = 1}]"}) {
    const auto root = parse_toml(text, "f");
    ASSERT_FALSE(root);
    EXPECT_TRUE(root.error().message.ends_with(": nested too deeply"));
  }
}

}  // namespace
}  // namespace mxw::toml
