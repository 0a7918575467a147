// Row files and snapshots: rows that are written once and read once.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <thread>

#include "core/feed/feed_server.hpp"
#include "core/feed/row_file.hpp"
#include "core/feed/snapshot.hpp"
#include "core/ipc/listener.hpp"
#include "tests/unit/feed_support.hpp"
#include "tests/unit/ipc_support.hpp"

namespace {

// Names of what was synced, in order.
std::vector<std::string> synced_names;

}  // namespace

// In place of libc's: there is no other way to see it.
extern "C" int fsync(int fd) {
  char name[256] = "";
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  if (::readlink(link.c_str(), name, sizeof name - 1) > 0) synced_names.emplace_back(name);
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

namespace mxw::feed {
namespace {

class RowFile : public testing::Test {
 protected:
  SocketDirectory directory;
  std::string path = directory.file("rows");
};

TEST_F(RowFile, IsReadAsItWasWritten) {
  auto file = RowFileWriter::create(path, 1'000'007);
  ASSERT_TRUE(file);
  file->add(domain_row("a.example"));
  file->add(policy_row("a.example"));
  EXPECT_NE(::access(path.c_str(), F_OK), 0) << "nothing stands there before it is whole";
  ASSERT_TRUE(file->commit());
  struct stat found{};
  ASSERT_EQ(::stat(path.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600U);
  Replica replica;
  ASSERT_TRUE(replica.load(path));
  EXPECT_EQ(replica.sequence(), 1'000'007U);
  ASSERT_NE(replica.find("a.example"), nullptr);
  EXPECT_EQ(*replica.find("a.example")->policy(), policy_row("a.example"));
}

// A backup: the octets before they get the name, then the folder that has the name.
TEST_F(RowFile, IsSyncedWhereItMustLast) {
  synced_names.clear();
  auto cache = RowFileWriter::create(path, 1);
  ASSERT_TRUE(cache->commit());
  EXPECT_TRUE(synced_names.empty());
  auto backup = RowFileWriter::create(path, 1);
  ASSERT_TRUE(backup->commit(true));
  const std::string folder = std::filesystem::canonical(directory.file("."));
  EXPECT_EQ(synced_names, (std::vector<std::string>{folder + "/rows.new", folder}));
}

TEST_F(RowFile, WithoutCommitTheOldOneStands) {
  auto first = RowFileWriter::create(path, 1);
  first->add(domain_row("a.example"));
  ASSERT_TRUE(first->commit());
  {
    auto second = RowFileWriter::create(path, 2);
    second->add(domain_row("b.example"));
  }
  EXPECT_NE(::access((path + ".new").c_str(), F_OK), 0);
  Replica replica;
  ASSERT_TRUE(replica.load(path));
  EXPECT_NE(replica.find("a.example"), nullptr);
}

TEST_F(RowFile, AFullDiskIsAnErrorAndTheOldOneStands) {
  auto first = RowFileWriter::create(path, 1);
  first->add(domain_row("a.example"));
  ASSERT_TRUE(first->commit());
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 1'000, .rlim_max = before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  auto second = RowFileWriter::create(path, 2);
  ASSERT_TRUE(second);
  for (int i = 0; i < 100; ++i) second->add(domain_row("b" + std::to_string(i) + ".example"));
  EXPECT_FALSE(second->commit());
  ::setrlimit(RLIMIT_FSIZE, &before);
  Replica replica;
  ASSERT_TRUE(replica.load(path));
  EXPECT_NE(replica.find("a.example"), nullptr);
}

class Snapshot : public LoopTest {
 protected:
  std::string path = directory.file("feed.sock");
  FakeSource source;
};

TEST_F(Snapshot, HasAllRows) {
  for (int i = 0; i < 300; ++i) {
    source.put(domain_row("d" + std::to_string(i) + ".example"));
    source.put(policy_row("d" + std::to_string(i) + ".example"));
  }
  const Fd listening = ipc::listen_on("unix:" + path, {.mode = 0666}).value();
  const auto server = FeedServer::create(*loop, listening.get(), source, {}).value();
  Replica replica;
  Result<void> read = fail(ErrorKind::environment, "not run");
  std::jthread reader([&] {
    read = read_all(path, replica, 10 * kSecond);
    loop->post([this] { loop->stop(); });
  });
  loop->run();
  reader.join();
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_TRUE(replica.complete());
  EXPECT_EQ(replica.sizes().policies, 300U);
}

TEST_F(Snapshot, WithoutOwnerSaysSoInTime) {
  Replica replica;
  const auto read = read_all(path, replica, 50 * kMillisecond);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::environment);
  EXPECT_NE(read.error().message.find("nobody"), std::string::npos);
}

}  // namespace
}  // namespace mxw::feed
