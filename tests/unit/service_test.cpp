// Log lines, readiness and rights.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>

#include "core/service/log.hpp"
#include "core/service/notify.hpp"
#include "core/service/rights.hpp"
#include "tests/unit/service_support.hpp"

namespace mxw::service {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

struct Escape {
  std::string text, shown;
};

TEST(Log, NothingFromOutsideMakesALineOrDrivesATerminal) {
  const Escape rows[] = {
      {"plain text", "plain text"},
      {"a\nb\r\t", "a\\x0ab\\x0d\\x09"},
      {std::string("nul\0", 4), "nul\\x00"},
      {"\x1b[2J", "\\x1b[2J"},
      {"\x7f", "\\x7f"},
      {"back\\slash", "back\\x5cslash"},
      {"b\xc3\xbc"
       "cher",
       "b\xc3\xbc"
       "cher"},
      {"\xc2\x9b"
       "31m",
       "\\xc2\\x9b31m"},  // CSI as C1
      {"\xc3(\xff", "\\xc3(\\xff"},
      {"\xed\xa0\x80", "\\xed\\xa0\\x80"},  // a surrogate
      {"cut \xe2\x82", "cut \\xe2\\x82"},
  };
  for (const Escape& row : rows) EXPECT_EQ(escaped(row.text), row.shown);
}

TEST(Log, LongLinesAreCutBetweenCharacters) {
  const std::string shown = escaped(std::string(kLogLine - 1, 'x') + "\xc3\xbcy");
  EXPECT_EQ(shown, std::string(kLogLine - 1, 'x') + "...");
  EXPECT_EQ(escaped(std::string(kLogLine, 'x')), std::string(kLogLine, 'x'));
}

TEST(Log, JournalGetsPriorities) {
  Child child([] {
    ::setenv("JOURNAL_STREAM", "8:1", 1);
    start_log(config::LogLevel::info);
    log_error("one");
    log_warning("two\n<0>three");
    log_info("four {}");
    log_debug("five");
    start_log(config::LogLevel::debug);
    log_debug("six");
    return 0;
  });
  EXPECT_EQ(child.output(), "<3>one\n<4>two\\x0a<0>three\n<6>four {}\n<7>six\n");
  EXPECT_EQ(child.wait(), 0);
}

TEST(Log, OthersGetTheTime) {
  Child child([] {
    ::unsetenv("JOURNAL_STREAM");
    start_log(config::LogLevel::warning);
    log_info("nothing");
    log_warning("something");
    return 0;
  });
  EXPECT_THAT(child.output(), MatchesRegex("20[0-9-]+T[0-9:]+\\.[0-9]+Z warning: something\n"));
  EXPECT_EQ(child.wait(), 0);
}

TEST(Log, SaysTheSameOnceAMinuteWithACount) {
  RarelyRule rule;
  EXPECT_TRUE(rule.ask("a", 0).print);
  for (int i = 1; i <= 5; ++i) EXPECT_FALSE(rule.ask("a", i * kSecond).print);
  EXPECT_TRUE(rule.ask("b", kSecond).print);
  EXPECT_FALSE(rule.ask("a", kMinute - 1).print);
  const auto verdict = rule.ask("a", kMinute);
  EXPECT_TRUE(verdict.print);
  EXPECT_EQ(verdict.left_out, 6U);
  EXPECT_FALSE(rule.ask("a", kMinute + 1).print);
  EXPECT_EQ(rule.ask("a", 2 * kMinute).left_out, 1U);
}

TEST(Log, ManyKeysShareOne) {
  RarelyRule rule;
  for (std::size_t i = 0; i < kLogKeys; ++i) rule.ask(std::to_string(i), 0);
  std::size_t printed = 0;
  for (int i = 0; i < 1'000; ++i)
    printed += rule.ask("more" + std::to_string(i), 1).print ? 1U : 0U;
  EXPECT_LE(printed, 1U);
  EXPECT_FALSE(rule.ask("0", 1).print);
}

class Notify : public testing::Test {
 protected:
  Notify() : manager(folder.path("notify")), loop(std::move(EventLoop::create().value())) {
    ::setenv("NOTIFY_SOCKET", manager.path().c_str(), 1);
  }
  ~Notify() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
  }

  Folder folder;
  Manager manager;
  std::unique_ptr<EventLoop> loop;
};

TEST_F(Notify, TellsTheManager) {
  Notifier notifier(*loop);
  notifier.ready();
  EXPECT_EQ(manager.heard(), "READY=1");
  notifier.reloading();
  EXPECT_THAT(manager.heard(), MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+"));
  notifier.status("12 domains\nREADY=0");
  EXPECT_EQ(manager.heard(), "STATUS=12 domains READY=0");
  notifier.stopping();
  EXPECT_EQ(manager.heard(), "STOPPING=1");
}

TEST_F(Notify, SignsOfLifeComeTwicePerIntervalFromReadyOn) {
  ::setenv("WATCHDOG_USEC", "40000", 1);
  Notifier notifier(*loop);
  Timer begin(*loop, [&] { notifier.ready(); });
  begin.start(0);
  Timer end(*loop, [&] { loop->stop(); });
  end.start(110 * kMillisecond);
  const std::int64_t from = EventLoop::now();
  loop->run();
  const std::int64_t halves = (EventLoop::now() - from) / (20 * kMillisecond);
  EXPECT_EQ(manager.heard(), "READY=1");
  Notifier(*loop).stopping();  // marks the end of what is waiting
  std::int64_t signs = 0;
  for (std::string message = manager.heard(); message == "WATCHDOG=1"; message = manager.heard()) {
    ++signs;
  }
  EXPECT_GE(signs, 2);
  EXPECT_LE(signs, halves + 1);
}

TEST_F(Notify, KeepsDescriptorsWithTheManager) {
  Notifier notifier(*loop);
  EXPECT_TRUE(notifier.keep(STDIN_FILENO, "map"));
  EXPECT_EQ(manager.heard(), "FDSTORE=1\nFDNAME=map");
  EXPECT_TRUE(manager.received_descriptor());
  notifier.forget("map");
  EXPECT_EQ(manager.heard(), "FDSTOREREMOVE=1\nFDNAME=map");
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_FALSE(notifier.keep(STDIN_FILENO, "map"));
}

TEST(ListenFds, HaveNamesAndOrderAndAreTakenOnce) {
  Child child([] {
    ::dup2(::open("/dev/null", O_RDONLY), 3);
    ::dup2(3, 4);
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("LISTEN_FDS", "2", 1);
    ::setenv("LISTEN_FDNAMES", "socketmap:other", 1);
    for (const Inherited& one : listen_fds()) {
      std::printf("%s %d %d\n", one.name.c_str(), one.fd, ::fcntl(one.fd, F_GETFD));
    }
    std::printf("%zu\n", listen_fds().size());
    return 0;
  });
  EXPECT_EQ(child.output(), "socketmap 3 1\nother 4 1\n0\n");
  EXPECT_EQ(child.wait(), 0);
}

TEST(ListenFds, OfAnotherProcessAreNotTaken) {
  Child child([] {
    ::setenv("LISTEN_PID", "1", 1);
    ::setenv("LISTEN_FDS", "2", 1);
    return static_cast<int>(listen_fds().size());
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST(Rights, AreGone) {
  Child child([] {
    if (const auto gone = give_up_rights(); !gone) {
      std::puts(gone.error().message.c_str());
      return 1;
    }
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("Cap") || line.starts_with("NoNewPrivs")) std::puts(line.c_str());
    }
    rlimit core{1, 1};
    ::getrlimit(RLIMIT_CORE, &core);
    std::printf("umask %03o core %d dumpable %d\n", ::umask(0), static_cast<int>(core.rlim_max),
                ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
    return 0;
  });
  const std::string out = child.output();
  EXPECT_EQ(child.wait(), 0) << out;
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) {
    EXPECT_THAT(out, HasSubstr(std::string(set) + ":\t0000000000000000\n"));
  }
  if (::geteuid() == 0) {
    EXPECT_THAT(out, HasSubstr("CapBnd:\t0000000000000000\n"));
  }
  EXPECT_THAT(out, HasSubstr("NoNewPrivs:\t1\n"));
  EXPECT_THAT(out, HasSubstr("umask 077 core 0 dumpable 0\n"));
}

TEST(Rights, CanBeGivenUpTwice) {
  Child child([] { return give_up_rights() && give_up_rights() ? 0 : 1; });
  EXPECT_EQ(child.wait(), 0);
}

}  // namespace
}  // namespace mxw::service
