// Writing operator files and their log: what is written reads as what was meant, or is refused.
#include "core/operator/write.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "core/operator/log.hpp"
#include "core/operator/read.hpp"
#include "operator_support.hpp"

namespace mxw::operators {
namespace {

using testing::HasSubstr;

unsigned mode_of(const std::string& path) {
  struct stat status{};
  return lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0U;
}

TEST(OperatorWrite, WhatIsWrittenReadsAsWhatWasMeant) {
  const Folder folder;
  std::filesystem::remove(folder.at("domain"));
  const mode_t before = umask(077);
  const DomainBrake pin{Action::pin,
                        std::nullopt,
                        "new provider \"x\"",
                        "alice (uid 1000)",
                        {"mx.example.org", "*.example.net"}};
  ASSERT_TRUE(write_brake(folder.path(), "B\u00fccher.Example", pin));
  const Enforcement off{true, false, kNow + kHour, "trouble", "alice (uid 1000)"};
  ASSERT_TRUE(write_enforcement_off(folder.path(), off));
  umask(before);

  const auto state = read_operator_state(folder.path(), kNow);
  ASSERT_NE(state->find("xn--bcher-kva.example", kNow), nullptr);
  EXPECT_EQ(*state->find("xn--bcher-kva.example", kNow), pin);
  EXPECT_EQ(state->enforcement().reason, "trouble");
  EXPECT_EQ(mode_of(folder.at("domain")), 02775U);
  EXPECT_EQ(mode_of(folder.at("domain/xn--bcher-kva.example.json")), 0664U);
  EXPECT_EQ(mode_of(folder.at("enforcement.json")), 0664U);
  EXPECT_TRUE(state->notes().texts.empty());

  EXPECT_TRUE(remove_brake(folder.path(), "xn--bcher-kva.example").value());
  EXPECT_FALSE(remove_brake(folder.path(), "xn--bcher-kva.example").value());
  EXPECT_TRUE(remove_enforcement_off(folder.path()).value());
  EXPECT_FALSE(remove_enforcement_off(folder.path()).value());
  EXPECT_TRUE(std::filesystem::is_empty(folder.at("domain")));  // no drafts left
}

TEST(OperatorWrite, WhatAReaderWouldRefuseIsNotWritten) {
  const Folder folder;
  const DomainBrake pin{Action::pin, std::nullopt, "r", "w", {}};
  for (const std::string domain : {"", "..", "a/b", "192.0.2.1", "a_b.test"}) {
    const auto written = write_brake(folder.path(), domain, pin);
    ASSERT_FALSE(written) << domain;
    EXPECT_EQ(written.error().kind, ErrorKind::usage) << domain;
  }
  DomainBrake bad = pin;
  bad.mx = {"not a name"};
  EXPECT_FALSE(write_brake(folder.path(), "a.test", bad));
  bad = pin;
  bad.action = Action::bypass;  // without an end
  EXPECT_FALSE(write_brake(folder.path(), "a.test", bad));
  bad = pin;
  bad.reason = std::string(kReasonBytes + 1, 'r');
  EXPECT_FALSE(write_brake(folder.path(), "a.test", bad));
  EXPECT_TRUE(std::filesystem::is_empty(folder.at("domain")));
}

TEST(OperatorWrite, AMissingDirectoryIsTroubleOfTheEnvironment) {
  const auto written =
      write_enforcement_off("/nonexistent/operator", {true, false, kNow, "r", "w"});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::environment);
}

TEST(OperatorLog, LinesAreAppendedAndNameNoHost) {
  const Folder folder;
  const mode_t before = umask(0);
  ASSERT_TRUE(append_log(folder.path(), {kNow,
                                         "alice (uid 1000)",
                                         "pin",
                                         "example.org",
                                         std::nullopt,
                                         {"mx.example.org"},
                                         "a \"reason\"\nwith lines"}));
  ASSERT_TRUE(append_log(
      folder.path(), {kNow, "root (uid 0)", "enforcement-off", "", kNow + kHour, {}, "trouble"}));
  umask(before);
  const std::string first =
      R"log({"time":"2026-11-21T08:00:00Z","who":"alice (uid 1000)","action":"pin",)log"
      R"log("domain":"example.org","mx":["mx.example.org"],)log"
      R"log("reason":"a \"reason\"\nwith lines"})log";
  const std::string second =
      R"log({"time":"2026-11-21T08:00:00Z","who":"root (uid 0)","action":"enforcement-off",)log"
      R"log("until":"2026-11-21T09:00:00Z","reason":"trouble"})log";
  EXPECT_EQ(folder.read("operator.log"), first + '\n' + second + '\n');
  EXPECT_EQ(mode_of(folder.at("operator.log")), 0660U);
}

TEST(OperatorLog, ALinkOrAPipeIsNoLog) {
  const Folder folder;
  const LogEntry entry{kNow, "a", "pin", "example.org", std::nullopt, {}, "r"};
  std::filesystem::create_symlink(folder.at("elsewhere"), folder.at("operator.log"));
  EXPECT_FALSE(append_log(folder.path(), entry));
  EXPECT_FALSE(std::filesystem::exists(folder.at("elsewhere")));
  folder.remove("operator.log");
  ASSERT_EQ(mkfifo(folder.at("operator.log").c_str(), 0600), 0);
  EXPECT_FALSE(append_log(folder.path(), entry));
  folder.remove("operator.log");
  std::filesystem::create_directory(folder.at("operator.log"));
  const auto written = append_log(folder.path(), entry);
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message, HasSubstr("operator.log: cannot be written"));
}

TEST(OperatorLog, TheCallerIsNamedWithHisUid) {
  const std::string uid = "(uid " + std::to_string(getuid()) + ')';
  setenv("SUDO_USER", "alice", 1);
  EXPECT_THAT(who_calls(), HasSubstr(uid));
  EXPECT_EQ(who_calls().starts_with("alice as root"), getuid() == 0);  // others only claim it
  unsetenv("SUDO_USER");
  EXPECT_THAT(who_calls(), HasSubstr(uid));
}

}  // namespace
}  // namespace mxw::operators
