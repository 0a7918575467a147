// Reports found in the wild, each with just the deviations of tests/unit/report_samples.tsv. The
// folder with samples/ is named by the environment variable MXWARDEN_TLSRPT.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>

#include "core/report/read.hpp"
#include "tests/unit/report_support.hpp"

namespace mxw::report {
namespace {

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

// First column -> the others, without the heading.
std::map<std::string, std::string> table(const std::string& path) {
  std::map<std::string, std::string> rows;
  std::istringstream lines(content(path));
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    const std::size_t tab = line.find('\t');
    rows[line.substr(0, tab)] = line.substr(tab + 1);
  }
  return rows;
}

std::string summary(const AnyReport& read) {
  if (!read.report) return "refused\t" + std::string(word(read.report.error()));
  std::uint64_t success = 0, failure = 0;
  for (const PolicyReport& policy : read.report->policies) {
    success += policy.success;
    failure += policy.failure;
  }
  return std::string(name(read.kind)) + '\t' + std::to_string(read.report->policies.size()) + '\t' +
         std::to_string(success) + '\t' + std::to_string(failure) + '\t' + read.deviations.text();
}

TEST(ReportSamples, EachHasItsListOfDeviations) {
  const char* folder = std::getenv("MXWARDEN_TLSRPT");
  if (folder == nullptr) {
    std::cout << "samples absent: not compared\n";
    GTEST_SKIP();
  }
  const std::string samples = std::string(folder) + "/samples/";
  const auto expected = table(MXW_SOURCE_DIR "/tests/unit/report_samples.tsv");
  std::map<std::string, std::string> found;
  for (const auto& [file, rest] : table(samples + "MANIFEST.tsv"))
    found[file] = summary(read_any(content(samples + file)));
  EXPECT_EQ(found.size(), 21U);
  EXPECT_EQ(found, expected);
}

TEST(ReportSamples, ATlsaListInATextIsTwoRecords) {
  const char* folder = std::getenv("MXWARDEN_TLSRPT");
  if (folder == nullptr) GTEST_SKIP();
  const AnyReport read =
      read_any(content(std::string(folder) + "/samples/microsoft-sts-tlsa.cryinc.json"));
  ASSERT_TRUE(read.report);
  ASSERT_EQ(read.report->policies.size(), 2U);
  EXPECT_EQ(read.report->policies[1].strings,
            (std::vector<std::string>{
                "3 1 1 6007EEE553E85D8DF007A845D19EC343283D4E416E9A33F9EF3040C8B7C285BC",
                "3 1 1 837C773D54C2E2BD71871A3FC352BE8214D5646CBAE5E3091401A7274717998B"}));
}

}  // namespace
}  // namespace mxw::report
