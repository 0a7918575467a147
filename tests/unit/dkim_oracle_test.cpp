// core/dkim and Debian's python3-dkim take each other's signatures. Without it: skipped, but not
// where CI asks for everything.
#include <gmock/gmock.h>
#include <unistd.h>

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
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream in(folder_ / name, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
  // One process for all tasks: it takes longer to start than they do.
  [[nodiscard]] std::vector<std::string> ask(const std::string& tasks) const {
    write("tasks", tasks);
    const std::string command =
        "/usr/bin/python3 -B " MXW_SOURCE_DIR "/tests/unit/dkim_oracle.py " + folder_.string() +
        " <" + (folder_ / "tasks").string() + " >" + (folder_ / "answers").string() + " 2>" +
        (folder_ / "errors").string();
    const int status = std::system(command.c_str());
    std::istringstream said(read("answers"));
    std::vector<std::string> lines;
    for (std::string line; std::getline(said, line);) lines.push_back(line);
    EXPECT_TRUE(status == 0 || lines.empty()) << read("errors");
    return lines;
  }
  // What is said of the tasks, or nothing where there is no other side.
  [[nodiscard]] std::vector<std::string> answers(const std::string& tasks) const {
    std::vector<std::string> lines = ask(tasks);
    if (!lines.empty()) lines.erase(lines.begin());
    const char* const ci = std::getenv("CI");
    const bool needed = ci != nullptr && std::string_view(ci) == "true";
    EXPECT_FALSE(lines.empty() && needed) << "python3-dkim is absent: " << read("errors");
    return lines;
  }

  std::filesystem::path folder_;
};

TEST_F(DkimOracle, TakesWhatWeSign) {
  std::string tasks;
  std::vector<std::string> expected;
  for (const std::string& pem : {rsa_2048(), ed25519_pem()}) {
    const auto key = SigningKey::from_pem(pem);
    ASSERT_TRUE(key.has_value());
    const std::string empty = kReport.substr(0, kReport.find("\r\n\r\n") + 4);
    const std::string field = sign(*key, request(), kReport).value();
    for (const auto& [message, said] : {std::pair{field + kReport, "pass"},
                                        {field + replaced(kReport, "A report", "B report"), "fail"},
                                        {field + "From: <x@example.com>\r\n" + kReport, "fail"},
                                        {sign(*key, request(), empty).value() + empty, "pass"}}) {
      const std::string number = std::to_string(expected.size());
      write("message" + number, message);
      write("record" + number, key->record());
      tasks += "verify message" + number + " record" + number + '\n';
      expected.emplace_back(said);
    }
  }
  const auto said = answers(tasks);
  if (said.empty()) GTEST_SKIP() << "python3-dkim absent: not compared";
  EXPECT_EQ(said, expected);
}

TEST_F(DkimOracle, WeTakeWhatItSigns) {
  struct Row {
    bool rsa;
    const char *header, *body, *length;
  };
  const std::vector<Row> rows = {Row{true, "simple", "simple", "whole"},
                                 {true, "relaxed", "simple", "whole"},
                                 {true, "simple", "relaxed", "length"},
                                 {false, "simple", "simple", "length"},
                                 {false, "relaxed", "relaxed", "whole"}};
  const std::string ed25519 = ed25519_pem();
  write("message", kReport);
  write("rsa-sha256", rsa_2048());
  write("ed25519-sha256", ed25519);
  std::string tasks;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string algorithm = rows[i].rsa ? "rsa-sha256" : "ed25519-sha256";
    tasks += "sign message " + algorithm + ' ' + algorithm + ' ' + rows[i].header + ' ' +
             rows[i].body + ' ' + rows[i].length + " field" + std::to_string(i) + '\n';
  }
  const auto said = answers(tasks);
  if (said.empty()) GTEST_SKIP() << "python3-dkim absent: not compared";
  ASSERT_EQ(said, std::vector<std::string>(rows.size(), "signed"));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto key = SigningKey::from_pem(rows[i].rsa ? rsa_2048() : ed25519);
    const std::string field = read("field" + std::to_string(i));
    const auto judged = [&](const std::string& message) {
      return verify(message, gives(key->record()), kNow).signatures.at(0);
    };
    const Signature one = judged(field + kReport);
    EXPECT_EQ(one.status, Status::pass) << i << ": " << one.reason;
    const bool length = std::string_view(rows[i].length) == "length";
    EXPECT_EQ(one.length, length) << i;
    EXPECT_EQ(good_for_report(one), !length) << i;
    // What stands behind l= is not signed; a blank counts where the form is simple.
    EXPECT_EQ(judged(field + kReport + "more\r\n").status, length ? Status::pass : Status::fail);
    const bool simple = std::string_view(rows[i].header) == "simple";
    EXPECT_EQ(judged(field + replaced(kReport, "Date: ", "Date:  ")).status,
              simple ? Status::fail : Status::pass)
        << i;
  }
}

}  // namespace
}  // namespace mxw::dkim
