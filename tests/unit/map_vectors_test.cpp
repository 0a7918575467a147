// The shared vectors, column `mxwarden`, of the kinds netstring and socketmap. The directory with
// mta-sts.tsv is named by the environment variable MXWARDEN_VECTORS.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tests/unit/map_support.hpp"

namespace mxw::map {
namespace {

struct Row {
  std::string kind, input, expected;
};

std::vector<Row> read_rows(const std::string& path) {
  std::ifstream file(path);
  std::vector<Row> rows;
  std::string line;
  while (std::getline(file, line)) {
    std::vector<std::string> columns;
    std::istringstream stream(line);
    for (std::string column; std::getline(stream, column, '\t');) columns.push_back(column);
    if (columns.size() >= 4) rows.push_back({columns[0], columns[1], columns[3]});
  }
  return rows;
}

struct Remarked {
  std::string text, remark;
};

// `01:X, (limit 5)`: a text and what is said of it.
Remarked split_remark(const std::string& text) {
  const std::size_t at = text.find(" (");
  if (at == std::string::npos) return {text, ""};
  return {text.substr(0, at), text.substr(at + 2, text.size() - at - 3)};
}

// In the words of the vectors.
std::string read_netstrings(std::string_view input, std::size_t limit) {
  NetstringReader reader(limit);
  std::string out;
  while (!input.empty()) {
    switch (reader.next(input)) {
      case NetstringReader::Step::payload:
        out += (out.empty() ? "\"" : ",\"") + std::string(reader.payload()) + '"';
        break;
      case NetstringReader::Step::fault:
        return std::string(name(reader.fault()));
      case NetstringReader::Step::more:
        break;
    }
  }
  return reader.at_boundary() ? out : "incomplete";
}

void compare_netstring(const Row& row) {
  const Remarked input = split_remark(row.input);
  const bool limited = input.remark.starts_with("limit ");
  const std::size_t limit = limited ? std::stoul(input.remark.substr(6)) : 10'000;
  std::string expected = split_remark(row.expected).text;
  if (expected == "\"\" ") expected.pop_back();  // a blank at the end of the column
  if (expected == "unexpected EOF") expected = "incomplete";
  if (expected == "error: leading zero") expected = "leading zero";
  // The length ends the input of that row, so the refusal came before any payload.
  if (expected == "too long, before reading the payload") expected = "too long";
  EXPECT_EQ(read_netstrings(input.text, limit), expected);
}

// The peer's test data: what its zone file and policy host say of each domain.
std::map<std::string, Known, std::less<>> peer_zone() {
  const auto enforce = policy_of(policy::Mode::enforce, {"mail.loc"});
  return {{"good.loc", enforce},
          {"testing.loc", policy_of(policy::Mode::testing, {"mail.loc"})},
          {"valid-none.loc", policy_of(policy::Mode::none, {"mail.loc"})},
          {"no-record.loc", none_known()},
          {"bad-policy1.loc", none_known()},
          {"bad-cert1.loc", none_known()}};
}

void compare_socketmap(const Row& row) {
  const Remarked input = split_remark(row.input);
  config::Map settings;
  settings.enforcement = config::Enforcement::enforce;
  settings.servername = input.remark != "map.servername = false";
  settings.strict_testing = input.remark == "map.strict_testing = true";
  Bench bench(options_of(settings));
  const MapNames names({{"test", Dialect::postfix}});
  Responder responder(bench.table, names, bench.desk, options_of(settings));
  for (const auto& [domain, known] : peer_zone()) bench.know(domain, known);
  const auto outcome = responder.respond(responder.read(input.text), at(kNow), 1);
  ASSERT_FALSE(outcome.waits);
  std::string expected = split_remark(row.expected).text;
  if (expected == "NOTFOUND") expected += ' ';  // the blank before the remark
  EXPECT_EQ(payload_of(outcome.answer.reply), expected);
}

TEST(MapVectors, NetstringAndSocketmapRows) {
  const char* dir = std::getenv("MXWARDEN_VECTORS");
  if (dir == nullptr) {
    GTEST_SKIP() << "vectors absent: not compared";
  }
  std::map<std::string, int> compared;
  for (const Row& row : read_rows(std::string(dir) + "/mta-sts.tsv")) {
    SCOPED_TRACE(row.kind + ' ' + row.input);
    if (row.kind == "netstring") {
      compare_netstring(row);
      ++compared[row.kind];
    }
    if (row.kind == "socketmap") {
      compare_socketmap(row);
      ++compared[row.kind];
    }
  }
  EXPECT_EQ(compared["netstring"], 11);
  EXPECT_EQ(compared["socketmap"], 10);
}

}  // namespace
}  // namespace mxw::map
