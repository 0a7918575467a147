// The settings a daemon starts with: the file, or the copy of the last that was good.
#include "core/service/settings.hpp"

#include <gmock/gmock.h>

#include <condition_variable>
#include <memory>
#include <mutex>

#include "core/service/log.hpp"
#include "core/service/scrape.hpp"
#include "tests/unit/service_daemon_support.hpp"

namespace mxw::service {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// What is told of the settings: the gauge, and the copy.
class SettingsTest : public DaemonTest {
 protected:
  SettingsTest() {
    daemon.keeps_settings = true;
    daemon.start = [](Context& context) -> Result<void> {
      log_info(context.config.map.cold_wait == kSecond ? "a second" : "another wait");
      return {};
    };
    ::setenv("STATE_DIRECTORY", (folder.path("state") + ":/nonexistent").c_str(), 1);
  }
  ~SettingsTest() override { ::unsetenv("STATE_DIRECTORY"); }

  [[nodiscard]] std::string copy() const { return folder.path("state/settings.toml"); }
  static std::string read(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string stale() {
    const auto text = scrape(folder.path("run/map/metrics.sock"));
    const std::string name = "mxwarden_settings_stale{program=\"map\"} ";
    const std::size_t at = text ? text->rfind(name) : std::string::npos;
    return at == std::string::npos ? "none" : text->substr(at + name.size(), 1);
  }
  // Runs until it is ready, and ends; what it said. The copy is written by then.
  std::string once() {
    Child child([&] { return serve(); });
    std::string heard = manager.news();
    if (heard.starts_with("STATUS=")) heard = manager.news();
    EXPECT_EQ(heard, "READY=1");
    said_stale = stale();
    child.signal(SIGTERM);
    EXPECT_EQ(manager.news(), "STOPPING=1");
    std::string log = child.output();
    EXPECT_EQ(child.wait(), 0) << log;
    return log;
  }
  std::string said_stale;
};

constexpr char kGood[] = "[map]\ncold_wait_ms = 1000\n";
constexpr char kBad[] = "[map]\ncold_wait_ms = 1000\nenforcment = \"observe\"\n";

TEST_F(SettingsTest, AFileThatIsRefusedDoesNotKeepItFromStarting) {
  settings(kGood);
  EXPECT_THAT(once(), HasSubstr("<6>a second\n"));
  EXPECT_EQ(said_stale, "0");
  EXPECT_EQ(read(copy()), read(file()));
  EXPECT_EQ(static_cast<unsigned>(std::filesystem::status(copy()).permissions()), 0600U);

  settings(kBad);
  EXPECT_THAT(once(), testing::AllOf(HasSubstr("<3>" + file() +
                                               ":6:14: [map]: unknown key \"enforcment\", "
                                               "perhaps \"enforcement\" is meant; starting "
                                               "with the last settings that were good (" +
                                               copy() + ")\n"),
                                     HasSubstr("<6>a second\n")));
  EXPECT_EQ(said_stale, "1");
  std::filesystem::remove(file());
  EXPECT_THAT(once(), testing::AllOf(HasSubstr("<3>" + file() + ": No such file or directory; "),
                                     HasSubstr("<6>a second\n")));
  EXPECT_EQ(said_stale, "1");
  settings("");
  EXPECT_THAT(once(), HasSubstr("<6>another wait\n"));
  EXPECT_EQ(said_stale, "0");
  EXPECT_EQ(read(copy()), read(file()));
}

// Whose mistake it is: another program's does not keep this one from its first start.
TEST_F(SettingsTest, AMistakeInATableItDoesNotReadIsAWarning) {
  settings(std::string(kGood) + "[policyd]\nparalel = 1\n");
  const std::string said =
      file() + ":7:11: [policyd]: unknown key \"paralel\", perhaps \"parallel\" is meant";
  for (int start = 0; start < 2; ++start) {
    EXPECT_THAT(once(), testing::AllOf(HasSubstr("<4>" + said), HasSubstr("<6>a second\n")));
    EXPECT_EQ(said_stale, "0");
  }
  const std::string config = file();
  Child child([&] { return run({"--config", config.c_str(), "--check-config"}); });
  EXPECT_EQ(child.output(), "mxwarden-map: " + said + "\n");
  EXPECT_EQ(child.wait(), 2);
}

TEST_F(SettingsTest, ARetiredValueIsAWarningEverywhere) {
  settings(std::string(kGood) + "[policyd]\ndomains_from = [\"map\", \"milter\"]\n");
  EXPECT_THAT(once(), HasSubstr("\"domains_from\" has \"map\", which means nothing any more"));
  EXPECT_EQ(said_stale, "0");
  const std::string config = file();
  Child child([&] { return run({"--config", config.c_str(), "--check-config"}); });
  EXPECT_THAT(child.output(), testing::AllOf(HasSubstr("which means nothing any more"),
                                             HasSubstr("the configuration is good\n")));
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(SettingsTest, TheFirstStartWithABadFileIsRefused) {
  settings(kBad);
  Child child([&] { return serve(); });
  EXPECT_THAT(child.output(), HasSubstr(":6:14: [map]: unknown key"));
  EXPECT_EQ(child.wait(), 2);
  EXPECT_FALSE(std::filesystem::exists(copy()));
}

TEST_F(SettingsTest, ACopyThatIsSpoiledToo) {
  settings(kBad);
  std::ofstream(copy()) << "[map";
  Child child([&] { return serve(); });
  EXPECT_THAT(child.output(),
              testing::AllOf(HasSubstr(":6:14: [map]: unknown key"), HasSubstr(copy() + ":1:")));
  EXPECT_EQ(child.wait(), 2);
}

TEST_F(SettingsTest, CheckConfigLooksAtTheFileAlone) {
  settings(kGood);
  once();
  settings(kBad);
  const std::string config = file();
  for (const char* option : {"--check-config", "--dump-config"}) {
    Child child([&] { return run({"--config", config.c_str(), option}); });
    EXPECT_THAT(child.output(), HasSubstr(":6:14: [map]: unknown key"));
    EXPECT_EQ(child.wait(), 2);
  }
}

TEST_F(SettingsTest, WhatAReloadTookIsKeptAndWhatItRefusedIsTold) {
  settings(kGood);
  Child child([&] { return serve(); });
  ASSERT_EQ(manager.news(), "READY=1");
  const auto reload = [&](const std::string& text) {
    settings(text);
    child.signal(SIGHUP);
    EXPECT_THAT(manager.news(), StartsWith("RELOADING=1\n"));
    EXPECT_EQ(manager.news(), "READY=1");
    return stale();
  };
  EXPECT_EQ(reload(kBad), "1");
  EXPECT_EQ(reload("[map]\ncold_wait_ms = 1000\nenforcement = \"enforce\"\n"), "0");
  const std::string taken = read(file());
  EXPECT_EQ(reload(kBad), "1");
  child.signal(SIGTERM);
  child.output();
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(read(copy()), taken);
}

TEST_F(SettingsTest, AFileMendedWhileItRunsWithTheCopyIsTaken) {
  settings(kGood);
  once();
  settings(kBad);
  Child child([&] { return serve(); });
  EXPECT_THAT(manager.news(), StartsWith("STATUS=with the last good settings: " + file()));
  ASSERT_EQ(manager.news(), "READY=1");
  settings(kGood);
  child.signal(SIGHUP);
  EXPECT_THAT(manager.news(), StartsWith("RELOADING=1\n"));
  EXPECT_EQ(manager.news(), "STATUS=");
  EXPECT_EQ(manager.news(), "READY=1");
  EXPECT_EQ(stale(), "0");
}

TEST_F(SettingsTest, WithoutItsFolderOrTheWishNothingIsKept) {
  ::unsetenv("STATE_DIRECTORY");
  once();
  EXPECT_FALSE(std::filesystem::exists(copy()));
  ::setenv("STATE_DIRECTORY", folder.path("state").c_str(), 1);
  daemon.keeps_settings = false;
  once();
  EXPECT_FALSE(std::filesystem::exists(copy()));
}

TEST_F(SettingsTest, AFolderThatCannotBeWrittenIsToldAndNoMore) {
  ::setenv("STATE_DIRECTORY", "/nonexistent", 1);
  EXPECT_THAT(once(), HasSubstr("<4>no copy of the settings is kept: /nonexistent/settings.toml"));
}

// A disk that hangs: the one who calls keep() answers questions.
TEST(SettingsKeeper, NeverWaitsForTheDisk) {
  struct Disk {
    std::mutex mutex;
    std::condition_variable changed;
    bool hangs = true;
    std::vector<std::string> begun;
  };
  const auto disk = std::make_shared<Disk>();  // outlives the keeper: its thread may
  const auto write = [disk](const std::string&, std::string_view text) -> Result<void> {
    std::unique_lock lock(disk->mutex);
    disk->begun.emplace_back(text);
    disk->changed.notify_all();
    disk->changed.wait(lock, [&] { return !disk->hangs; });
    return {};
  };
  const auto begun = [&](std::size_t count) {
    std::unique_lock lock(disk->mutex);
    disk->changed.wait(lock, [&] { return disk->begun.size() >= count; });
    return disk->begun;
  };
  {
    SettingsKeeper keeper("/x", std::nullopt, write, 10 * kMillisecond);
    keeper.keep("one");
    begun(1);
    for (const char* text : {"two", "three", "four"}) keeper.keep(text);
  }  // ends although the first text is still being written
  EXPECT_THAT(begun(1), testing::ElementsAre("one"));
  {
    const std::lock_guard lock(disk->mutex);
    disk->hangs = false;
    disk->changed.notify_all();
  }
  EXPECT_THAT(begun(2), testing::ElementsAre("one", "four"));
}

TEST(SettingsKeeper, TheEndWaitsForWhatIsWritten) {
  std::vector<std::string> written;
  const auto write = [&](const std::string&, std::string_view text) -> Result<void> {
    written.emplace_back(text);
    return {};
  };
  {
    SettingsKeeper keeper("/x", "old", write, kMinute);
    keeper.keep("old");
    keeper.keep("new");
  }
  EXPECT_THAT(written, testing::ElementsAre("new"));
}

}  // namespace
}  // namespace mxw::service
