// What core/ipc promises of addresses, listening sockets and those who connect.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <fstream>

#include "core/ipc/acceptor.hpp"
#include "core/ipc/connect.hpp"
#include "core/ipc/listener.hpp"
#include "core/ipc/peer.hpp"
#include "tests/unit/ipc_support.hpp"

namespace mxw::ipc {
namespace {

using testing::HasSubstr;

TEST(Address, IsReadAndWrittenTheSame) {
  for (const char* text : {"unix:/run/mxwarden/policyd/ask.sock", "unix:a", "inet:127.0.0.1:8461",
                           "inet:0.0.0.0:0", "inet6:[::1]:8461", "inet6:[2001:db8::25]:65535"}) {
    const auto address = parse_address(text);
    ASSERT_TRUE(address) << text << ": " << address.error().message;
    EXPECT_EQ(address->text(), text);
  }
  EXPECT_TRUE(parse_address("unix:" + std::string(kPathBytes, 'p')));
}

TEST(Address, IsRefusedWithItsReason) {
  const std::vector<std::pair<std::string, const char*>> bad = {
      {"", "not unix:"},
      {"/run/socket", "not unix:"},
      {"tcp:127.0.0.1:1", "not unix:"},
      {"unix:", "no path"},
      {"unix:" + std::string(kPathBytes + 1, 'p'), "longer"},
      {std::string("unix:a\0b", 8), "NUL"},
      {"inet:127.0.0.1", "no port"},
      {"inet:8461", "no port"},
      {"inet:localhost:8461", "no IPv4"},
      {"inet:::1:8461", "no IPv4"},
      {"inet:127.0.0.1:", "no port"},
      {"inet:127.0.0.1:65536", "no port"},
      {"inet:127.0.0.1:-1", "no port"},
      {"inet6:::1:8461", "not of the form"},
      {"inet6:[::1]", "not of the form"},
      {"inet6:[127.0.0.1]:1", "no IPv6"},
      {"inet6:[::1]:smtp", "no port"}};
  for (const auto& [text, reason] : bad) {
    const auto address = parse_address(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().kind, ErrorKind::usage);
    EXPECT_THAT(address.error().message, HasSubstr(reason)) << text;
  }
}

mode_t mode_of(const std::string& path) {
  struct stat there{};
  return ::lstat(path.c_str(), &there) == 0 ? there.st_mode & 07777 : 0;
}

TEST(Listener, HasItsModeWhateverTheMaskOfTheProcess) {
  const SocketDirectory directory;
  const mode_t before = ::umask(0777);
  const auto fd = listen_on("unix:" + directory.file("s"), {.mode = 0660});
  ::umask(before);
  ASSERT_TRUE(fd) << fd.error().message;
  EXPECT_EQ(mode_of(directory.file("s")), 0660U);
  EXPECT_NE(::fcntl(fd->get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_FALSE(std::filesystem::exists(directory.file("s.new")));
}

TEST(Listener, HasItsGroup) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives files to other groups";
  const SocketDirectory directory;
  const auto fd = listen_on("unix:" + directory.file("s"), {.group = 4'711});
  ASSERT_TRUE(fd) << fd.error().message;
  struct stat there{};
  ASSERT_EQ(::lstat(directory.file("s").c_str(), &there), 0);
  EXPECT_EQ(there.st_gid, 4'711U);
}

TEST(Listener, TakesThePlaceOfADeadSocketOnly) {
  const SocketDirectory directory;
  const std::string address = "unix:" + directory.file("s");
  {
    const auto first = listen_on(address, {});
    ASSERT_TRUE(first);
    for (const SocketType type : {SocketType::stream, SocketType::seqpacket}) {
      const auto second = listen_on(address, {.type = type});
      ASSERT_FALSE(second);
      EXPECT_THAT(second.error().message, HasSubstr("another process listens"));
    }
    EXPECT_TRUE(connect_unix(directory.file("s"), SocketType::stream));
  }
  EXPECT_TRUE(std::filesystem::exists(directory.file("s")));
  EXPECT_EQ(connect_unix(directory.file("s"), SocketType::stream).error().code, ECONNREFUSED);
  EXPECT_TRUE(listen_on(address, {.type = SocketType::seqpacket}));
}

TEST(Listener, LeavesFilesOfOtherKindsAlone) {
  const SocketDirectory directory;
  std::ofstream(directory.file("s")) << "kept";
  const auto fd = listen_on("unix:" + directory.file("s"), {});
  ASSERT_FALSE(fd);
  EXPECT_THAT(fd.error().message, HasSubstr("no socket"));
  std::string text;
  std::ifstream(directory.file("s")) >> text;
  EXPECT_EQ(text, "kept");
}

TEST(Listener, SaysWhyItCannotListen) {
  const SocketDirectory directory;
  const auto fd = listen_on("unix:" + directory.file("none/s"), {});
  ASSERT_FALSE(fd);
  EXPECT_EQ(fd.error().kind, ErrorKind::environment);
  EXPECT_THAT(fd.error().message, HasSubstr("No such file"));
  EXPECT_EQ(listen_on("inet:127.0.0.1:0", {.type = SocketType::seqpacket}).error().kind,
            ErrorKind::usage);
}

TEST(Listener, ListensOnAPortTheKernelChose) {
  for (const char* address : {"inet:127.0.0.1:0", "inet6:[::1]:0"}) {
    const auto fd = listen_on(address, {});
    if (!fd && std::string(address).starts_with("inet6")) continue;  // a host without IPv6
    ASSERT_TRUE(fd) << fd.error().message;
    Address there = parse_address(address).value();
    there.port = bound_port(fd->get());
    ASSERT_NE(there.port, 0);
    const SystemAddress system = system_address(there);
    const Fd client(::socket(system.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(client.get(), system.get(), system.length), 0);
  }
}

TEST(Adoption, TakesListeningSocketsOfTheTypeAlone) {
  const SocketDirectory directory;
  const Fd made = listen_on("unix:" + directory.file("s"), {}).value();
  const int inherited = ::dup(made.get());
  ASSERT_EQ(::fcntl(inherited, F_SETFL, 0), 0);
  const auto adopted = adopt(inherited, SocketType::stream);
  ASSERT_TRUE(adopted) << adopted.error().message;
  EXPECT_NE(::fcntl(adopted->get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(adopted->get(), F_GETFD) & FD_CLOEXEC, 0);

  EXPECT_THAT(adopt(::dup(made.get()), SocketType::seqpacket).error().message,
              HasSubstr("another type"));
  EXPECT_THAT(adopt(::socket(AF_UNIX, SOCK_STREAM, 0), SocketType::stream).error().message,
              HasSubstr("no listening"));
  EXPECT_FALSE(adopt(::open("/dev/null", O_RDONLY), SocketType::stream));
  EXPECT_FALSE(adopt(1'000'000, SocketType::stream));
}

TEST(Peers, AreTheProcessAtTheOtherEnd) {
  const SocketDirectory directory;
  const Fd listening = listen_on("unix:" + directory.file("s"), {}).value();
  const auto client = connect_unix(directory.file("s"), SocketType::stream);
  const Fd peer(::accept(listening.get(), nullptr, nullptr));
  const auto who = credentials_of(peer.get());
  ASSERT_TRUE(who) << who.error().message;
  EXPECT_EQ(who->pid, ::getpid());
  EXPECT_EQ(who->uid, ::geteuid());
  EXPECT_EQ(who->gid, ::getegid());
  std::vector<gid_t> groups(static_cast<std::size_t>(::getgroups(0, nullptr)));
  ASSERT_GE(::getgroups(static_cast<int>(groups.size()), groups.data()), 0);
  EXPECT_THAT(who->groups, testing::UnorderedElementsAreArray(groups));

  const Fd tcp = listen_on("inet:127.0.0.1:0", {}).value();
  EXPECT_FALSE(credentials_of(tcp.get()));
}

TEST(Peers, AreAllowedByUserAndGroups) {
  const Credentials root{1, 0, 0, {}};
  const Credentials someone{1, 1'001, 1'002, {1'003, 1'004}};
  EXPECT_TRUE(PeerCheck().allows(root));
  EXPECT_FALSE(PeerCheck().allows(someone));
  EXPECT_TRUE(PeerCheck().allow_uid(1'001).allows(someone));
  EXPECT_TRUE(PeerCheck().allow_gid(1'002).allows(someone));
  EXPECT_TRUE(PeerCheck().allow_gid(1'004).allows(someone));
  EXPECT_FALSE(PeerCheck().allow_uid(1'002).allow_gid(1'001).allow_gid(0).allows(someone));
  EXPECT_TRUE(PeerCheck().allow_everybody().allows(someone));
}

TEST(Peers, AreNamedByNumberOrName) {
  std::vector<std::string> notes;
  const PeerCheck check =
      PeerCheck::from_names({"1001", "no-such-user", "nobody"}, {"1002", "no-such-group"}, notes);
  EXPECT_TRUE(check.allows({1, 1'001, 7, {}}));
  EXPECT_TRUE(check.allows({1, 7, 1'002, {}}));
  EXPECT_TRUE(check.allows({1, find_user("nobody").value(), 7, {}}));
  EXPECT_FALSE(check.allows({1, 7, 7, {}}));
  ASSERT_EQ(notes.size(), 2U);
  EXPECT_THAT(notes[0], HasSubstr("no-such-user"));
  EXPECT_THAT(notes[1], HasSubstr("no-such-group"));
  EXPECT_EQ(find_user("root"), 0U);
  EXPECT_EQ(find_group("root"), 0U);
  for (const char* bad : {"", "4294967295", "4294967296", "-1", "0x10", "10a"}) {
    EXPECT_EQ(find_user(bad), std::nullopt) << bad;
    EXPECT_EQ(find_group(bad), std::nullopt) << bad;
  }
}

class AcceptorTest : public LoopTest {};

TEST_F(AcceptorTest, WaitsForDescriptorsWithoutSpinning) {
  const Fd listening = listen_on("unix:" + directory.file("s"), {}).value();
  std::vector<Fd> taken;
  const auto acceptor = Acceptor::create(
                            *loop, listening.get(), {}, [] { return true; },
                            [&](Fd fd, const Credentials&) { taken.push_back(std::move(fd)); })
                            .value();
  if (::geteuid() != 0) GTEST_SKIP() << "only root is allowed without being named";
  // A sanitizer opens a pipe when it first meets an object: here, not without descriptors.
  run_until([] { return true; });
  const auto client = connect_unix(directory.file("s"), SocketType::stream);
  ASSERT_TRUE(client);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const int free = ::dup(0);
  ::close(free);
  rlimit low = before;
  low.rlim_cur = static_cast<rlim_t>(free);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  run_until([&] { return acceptor->counters().failed >= 2; });
  const std::uint64_t failed = acceptor->counters().failed;
  EXPECT_EQ(failed, 2U);
  EXPECT_TRUE(taken.empty());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  run_until([&] { return !taken.empty(); });
  EXPECT_EQ(acceptor->counters().accepted, 1U);
}

}  // namespace
}  // namespace mxw::ipc
