// What every daemon does alike: options, exit codes, start, reload and stop, seen from outside.
#include "core/service/daemon.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <thread>

#include "core/service/log.hpp"
#include "core/service/scrape.hpp"
#include "tests/unit/service_daemon_support.hpp"

namespace mxw::service {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST_F(DaemonTest, OptionsThatOnlySaySomething) {
  const std::string config = file();
  Child version([&] { return run({"--version"}); });
  EXPECT_THAT(version.output(), StartsWith("mxwarden-map 0.1.0 ("));
  EXPECT_EQ(version.wait(), 0);
  Child help([&] { return run({"--help"}); });
  EXPECT_THAT(help.output(),
              testing::AllOf(HasSubstr("--check-config"), HasSubstr("--import DIR")));
  EXPECT_EQ(help.wait(), 0);
  Child check([&] { return run({"--config", config.c_str(), "--check-config"}); });
  EXPECT_EQ(check.output(), "the configuration is good\n");
  EXPECT_EQ(check.wait(), 0);
  daemon.check = [](const config::Config& read) -> Result<void> {
    return fail(ErrorKind::usage, read.paths.run + "/list: no such file");
  };
  Child files([&] { return run({"--config", config.c_str(), "--check-config"}); });
  EXPECT_EQ(files.output(), "mxwarden-map: " + folder.path("run") + "/list: no such file\n");
  EXPECT_EQ(files.wait(), 2);
  Child dump([&] { return run({"-f", "-c", config.c_str(), "--dump-config"}); });
  EXPECT_THAT(dump.output(), HasSubstr("run = \"" + folder.path("run") + "\"\n"));
  EXPECT_EQ(dump.wait(), 0);
}

TEST_F(DaemonTest, WrongUseIsExit2) {
  Child option([&] { return run({"--nonsense"}); });
  EXPECT_THAT(option.output(), HasSubstr("--nonsense"));
  EXPECT_EQ(option.wait(), 2);
  Child word([&] { return run({"word"}); });
  EXPECT_EQ(word.wait(), 2);
  settings("[map]\nenforcment = \"x\"\n");
  const std::string config = file();
  Child check([&] { return run({"--config", config.c_str(), "--check-config"}); });
  EXPECT_EQ(check.output(), "mxwarden-map: " + config +
                                ":5:14: [map]: unknown key \"enforcment\", perhaps "
                                "\"enforcement\" is meant\n");
  EXPECT_EQ(check.wait(), 2);
  Child missing([&] { return run({"--config", "/nonexistent/m.toml"}); });
  EXPECT_EQ(missing.wait(), 2);
}

TEST_F(DaemonTest, StartsReloadsAndStops) {
  daemon.start = [](Context& context) -> Result<void> {
    log_info("in " + context.run_folder);
    context.metrics.counter("mxwarden_map_test_total", "T").add(3);
    return {};
  };
  daemon.reload = [](const config::Config& config) {
    log_info(config.map.enforcement == config::Enforcement::enforce ? "enforce" : "observe");
  };
  daemon.stop = [] { log_info("stop called"); };
  Child child([&] { return serve(); });
  ASSERT_EQ(manager.news(), "READY=1");
  const auto text = scrape(folder.path("run/map/metrics.sock"));
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_THAT(*text, HasSubstr("mxwarden_map_test_total{program=\"map\"} 3\n"));
  EXPECT_THAT(*text, HasSubstr("mxwarden_build_info{program=\"map\",version=\"0.1.0\""));
  const auto mode = [&](const std::string& name) {
    return static_cast<unsigned>(std::filesystem::status(folder.path(name)).permissions());
  };
  EXPECT_EQ(mode("run/map"), 0755U);
  EXPECT_EQ(mode("state/map"), 0700U);

  for (const char* map : {"[map]\nenforcement = \"enforce\"\n", "[map]\nlisten = []\n",
                          "[map]\nenforcement = 1\n", "[policyd]\nparallel = 2\n"}) {
    settings(map);
    child.signal(SIGHUP);
    EXPECT_THAT(manager.news(), StartsWith("RELOADING=1\nMONOTONIC_USEC="));
    EXPECT_EQ(manager.news(), "READY=1");
  }
  const auto after = scrape(folder.path("run/map/metrics.sock"));
  ASSERT_TRUE(after);
  EXPECT_THAT(*after, HasSubstr("mxwarden_reloads_total{program=\"map\",result=\"taken\"} 2\n"));
  EXPECT_THAT(*after, HasSubstr("mxwarden_reloads_total{program=\"map\",result=\"refused\"} 2\n"));
  child.signal(SIGTERM);
  EXPECT_EQ(manager.news(), "STOPPING=1");
  const std::string log = child.output();
  EXPECT_EQ(child.wait(), 0) << log;
  EXPECT_THAT(log, HasSubstr("<6>in " + folder.path("run/map") + '\n'));
  EXPECT_THAT(log, HasSubstr("<6>enforce\n<6>configuration reloaded\n"));
  EXPECT_THAT(log, HasSubstr("changed, but needs a restart: map.listen\n"));
  EXPECT_THAT(log, HasSubstr("m.toml:5:15: \"enforcement\" is not one of"));
  EXPECT_THAT(log, HasSubstr("<6>observe\n"));  // the last file no longer says enforce
  EXPECT_THAT(log, HasSubstr("<6>stop called\n<6>stopped\n"));
  EXPECT_FALSE(std::filesystem::exists(folder.path("run/map/metrics.sock")));
}

TEST_F(DaemonTest, QuitEndsWhatOthersWaitFor) {
  Timer* timer = nullptr;
  std::unique_ptr<Timer> ending;
  std::function<void()> over;
  daemon.start = [&](Context& context) -> Result<void> {
    ending = std::make_unique<Timer>(context.loop, [&] { over(); });
    timer = ending.get();
    return {};
  };
  daemon.quit = [&](std::function<void()> done) {
    log_info("quit called");
    over = std::move(done);
    timer->start(10 * kMillisecond);
  };
  daemon.stop = [&] {
    log_info("stop called");
    ending.reset();
  };
  Child child([&] { return serve(); });
  ASSERT_EQ(manager.news(), "READY=1");
  child.signal(SIGTERM);
  EXPECT_EQ(manager.news(), "STOPPING=1");
  EXPECT_THAT(child.output(), HasSubstr("<6>quit called\n<6>stop called\n<6>stopped\n"));
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(DaemonTest, QuitHasItsEndWhateverTheProgramDoes) {
  daemon.quit = [](const std::function<void()>&) { log_info("quit called"); };
  for (const bool twice : {false, true}) {
    Child child([&] { return serve(); });
    ASSERT_EQ(manager.news(), "READY=1");
    const std::int64_t begun = EventLoop::now();
    child.signal(SIGTERM);
    EXPECT_EQ(manager.news(), "STOPPING=1");
    if (twice) child.signal(SIGTERM);
    EXPECT_THAT(child.output(), HasSubstr("<6>quit called\n<6>stopped\n"));
    EXPECT_EQ(child.wait(), 0);
    const std::int64_t took = EventLoop::now() - begun;
    EXPECT_EQ(took < kQuitTime, twice) << took;
  }
}

TEST_F(DaemonTest, FailedStartTellsByItsExitCode) {
  for (const auto& [kind, code] :
       {std::pair(ErrorKind::usage, 2), std::pair(ErrorKind::environment, 4)}) {
    daemon.start = [kind](Context&) -> Result<void> { return fail(kind, "no socket"); };
    bool stopped = false;
    Child child([&] {
      daemon.stop = [&] { stopped = true; };
      const int exit = serve();
      return stopped ? exit : 99;
    });
    EXPECT_THAT(child.output(), HasSubstr("<3>no socket\n"));
    EXPECT_EQ(child.wait(), code);
  }
}

TEST_F(DaemonTest, WorkInsteadOfServing) {
  daemon.once = [](const config::Config&, const Given& given) -> std::optional<int> {
    if (!given.contains("import")) return std::nullopt;
    std::puts(given.at("import").c_str());
    return 3;
  };
  const std::string config = file();
  Child child([&] { return run({"-c", config.c_str(), "--import", "/srv/x"}); });
  EXPECT_EQ(child.output(), "/srv/x\n");
  EXPECT_EQ(child.wait(), 3);
}

TEST_F(DaemonTest, RunsConfinedAndWithoutRights) {
  daemon.start = [](Context& context) -> Result<void> {
    context.loop.post([&context] {
      const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
      log_info(fd < 0 ? "no inet socket" : "an inet socket");
      context.loop.stop();
    });
    return {};
  };
  Child child([&] { return serve(); });
  EXPECT_THAT(child.output(), HasSubstr("<6>no inet socket\n"));
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(DaemonTest, SaysSignsOfLife) {
  Child child([&] {
    ::setenv("WATCHDOG_USEC", "20000", 1);
    return serve();
  });
  EXPECT_EQ(manager.heard(), "READY=1");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(manager.heard(), "WATCHDOG=1");
  child.signal(SIGINT);
  EXPECT_EQ(manager.news(), "STOPPING=1");
  EXPECT_EQ(child.wait(), 0);
}

// As a milter needs it: libmilter ends on SIGHUP, so that signal cannot mean a reload.
TEST_F(DaemonTest, AnotherSignalReloadsAndThenHangupEnds) {
  daemon.reload_signal = SIGUSR1;
  Child child([&] { return serve(); });
  ASSERT_EQ(manager.news(), "READY=1");
  child.signal(SIGUSR1);
  EXPECT_THAT(manager.news(), StartsWith("RELOADING=1\n"));
  EXPECT_EQ(manager.news(), "READY=1");
  child.signal(SIGHUP);
  EXPECT_EQ(manager.news(), "STOPPING=1");
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(DaemonTest, ClassicOptions) {
  daemon.classic_options = true;
  daemon.options[0].letter = 'i';
  daemon.start = [](Context& context) -> Result<void> {
    log_info(context.run_folder + " import " + context.given.at("import") + " uid " +
             std::to_string(::getuid()));
    context.loop.post([&context] { context.loop.stop(); });
    return {};
  };
  const std::string config = file(), pid = folder.path("pid");
  Child good([&] { return run({"-n", "-c", config.c_str(), "-u", "nobody"}); });
  EXPECT_EQ(good.output(), "the configuration is good\n");
  EXPECT_EQ(good.wait(), 0);
  ::setenv("JOURNAL_STREAM", "8:1", 1);
  const std::string self = std::to_string(::getuid());
  Child child([&] {
    return run({"-c", config.c_str(), "-P", pid.c_str(), "--instance", "two", "-u", self.c_str(),
                "-i", "/srv/x"});
  });
  EXPECT_THAT(child.output(),
              HasSubstr("<6>" + folder.path("run/map-two") + " import /srv/x uid " + self));
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(std::filesystem::is_directory(folder.path("state/map-two")));
  EXPECT_FALSE(std::filesystem::exists(pid));
  for (const char* const name : {"../x", "", "A"}) {
    Child wrong([&] { return run({"-c", config.c_str(), "--instance", name}); });
    EXPECT_EQ(wrong.wait(), 2) << name;
  }
  Child nobody([&] { return run({"-c", config.c_str(), "-u", "no-such-user"}); });
  EXPECT_EQ(nobody.wait(), 2);
  if (::getuid() != 0) return;
  std::filesystem::permissions(folder.path(""), std::filesystem::perms(0755));
  Child other(
      [&] { return run({"-c", config.c_str(), "--instance", "low", "-u", "65534", "-i", "x"}); });
  EXPECT_THAT(other.output(), HasSubstr(" uid 65534"));
  EXPECT_EQ(other.wait(), 0);
  struct stat info{};
  ASSERT_EQ(::stat(folder.path("state/map-low").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 65'534U);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
}

TEST_F(DaemonTest, WorksWithoutItsFolders) {
  std::filesystem::remove_all(folder.path("run"));
  std::filesystem::remove_all(folder.path("state"));
  Child child([&] { return serve(); });
  EXPECT_EQ(manager.news(), "READY=1");
  child.signal(SIGTERM);
  EXPECT_THAT(child.output(),
              testing::AllOf(HasSubstr("<4>there is no folder "), HasSubstr("<4>no metrics: ")));
  EXPECT_EQ(child.wait(), 0);
}

}  // namespace
}  // namespace mxw::service
