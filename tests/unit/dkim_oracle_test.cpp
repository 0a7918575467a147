// core/dkim and Debian's python3-dkim take each other's signatures. Without it: skipped, but not
// where CI asks for everything.
#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "dkim_support.hpp"

namespace mxw::dkim {
namespace {

using namespace test;

class DkimOracle : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "mxw-dkim-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    if (ask("present") == "present\n") return;
    const char* const ci = std::getenv("CI");
    ASSERT_FALSE(ci != nullptr && std::string_view(ci) == "true") << "python3-dkim is absent";
    GTEST_SKIP() << "python3-dkim absent: not compared";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream in(folder_ / name, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
  [[nodiscard]] static std::string ask(const std::string& what) {
    const std::string command =
        "/usr/bin/python3 -B " MXW_SOURCE_DIR "/tests/unit/dkim_oracle.py " + what + " 2>/dev/null";
    FILE* const out = ::popen(command.c_str(), "r");
    std::string said;
    char line[256];
    while (out != nullptr && std::fgets(line, sizeof line, out) != nullptr) said += line;
    if (out != nullptr) ::pclose(out);
    return said;
  }
  std::string verified(const std::string& message, const std::string& record) const {
    return ask("verify " + file("message", message) + " " + file("record", record));
  }

  std::filesystem::path folder_;
};

TEST_F(DkimOracle, TakesWhatWeSign) {
  for (const std::string& pem : {rsa_2048(), ed25519_pem()}) {
    const auto key = SigningKey::from_pem(pem);
    ASSERT_TRUE(key.has_value());
    const std::string field = sign(*key, request(), kReport).value();
    EXPECT_EQ(verified(field + kReport, key->record()), "pass\n");
    EXPECT_EQ(verified(field + replaced(kReport, "A report", "B report"), key->record()), "fail\n");
    const std::string empty = kReport.substr(0, kReport.find("\r\n\r\n") + 4);
    const std::string of_empty = sign(*key, request(), empty).value();
    EXPECT_EQ(verified(of_empty + empty, key->record()), "pass\n");
  }
}

TEST_F(DkimOracle, WeTakeWhatItSigns) {
  struct Row {
    bool rsa;
    const char *header, *body, *length;
  };
  for (const Row& row : {Row{true, "simple", "simple", "whole"},
                         {true, "relaxed", "simple", "whole"},
                         {true, "simple", "relaxed", "length"},
                         {false, "simple", "simple", "length"},
                         {false, "relaxed", "relaxed", "whole"}}) {
    const std::string pem = row.rsa ? rsa_2048() : ed25519_pem();
    const auto key = SigningKey::from_pem(pem);
    const std::string what = std::string(row.rsa ? "rsa-sha256 " : "ed25519-sha256 ") + row.header +
                             ' ' + row.body + ' ' + row.length;
    ASSERT_EQ(ask("sign " + file("message", kReport) + " " + file("pem", pem) + " " + what + " " +
                  (folder_ / "field").string()),
              "signed\n");
    const std::string field = read("field");
    const auto judged = [&](const std::string& message) {
      return verify(message, gives(key->record()), kNow).signatures.at(0);
    };
    const Signature one = judged(field + kReport);
    EXPECT_EQ(one.status, Status::pass) << what << ": " << one.reason;
    const bool length = std::string_view(row.length) == "length";
    EXPECT_EQ(one.length, length) << what;
    EXPECT_EQ(good_for_report(one), !length) << what;
    // What stands behind l= is not signed; a blank counts where the form is simple.
    EXPECT_EQ(judged(field + kReport + "more\r\n").status, length ? Status::pass : Status::fail);
    const bool simple = std::string_view(row.header) == "simple";
    EXPECT_EQ(judged(field + replaced(kReport, "Date: ", "Date:  ")).status,
              simple ? Status::fail : Status::pass)
        << what;
  }
}

}  // namespace
}  // namespace mxw::dkim
