// What the collector promises of its socket: who may send, what is counted, and that nothing that
// comes in ends it.
#include <sys/stat.h>

#include "reportd/collector.hpp"
#include "tests/unit/ipc_support.hpp"
#include "tests/unit/reportd_support.hpp"

namespace mxw::reportd {
namespace {

class CollectorTest : public LoopTest {
 protected:
  CollectorTest() {
    settings.sources = {{.name = "out", .addresses = {}, .mode = SourceMode::mta, .socket = path}};
    settings.peers.allow_uid(::geteuid());
  }
  ~CollectorTest() override { collector.reset(); }

  void start() {
    auto created = Collector::create(*loop, settings, *writer, [this] { return now; });
    ASSERT_TRUE(created) << created.error().message;
    collector = std::move(*created);
  }
  std::string error() {
    const auto created = Collector::create(*loop, settings, *writer, [this] { return now; });
    return created ? "" : created.error().message;
  }
  void wait_for(std::uint64_t datagrams) {
    run_until([&] { return collector->counters().datagrams == datagrams; });
  }
  // What is in the store after all that came was committed.
  std::string committed(store::Day day = kToday) {
    collector->flush();
    writer->wait();
    return dump(*store::ReportStore::open(store_path).value(), day);
  }
  void put_file(const std::string& name, const std::string& text) const {
    std::ofstream(directory.file(name)) << text;
  }

  std::string path = directory.file("tlsrpt.sock"), store_path = directory.file("reportd.db");
  CollectorSettings settings;
  Time now = kNoon;
  std::unique_ptr<TallyWriter> writer = std::move(TallyWriter::start({.path = store_path}).value());
  std::unique_ptr<Collector> collector;
};

TEST_F(CollectorTest, CountsWhatComesForItsSource) {
  settings.sources.push_back({"far", {}, SourceMode::mta_gaps, directory.file("far.sock")});
  settings.sources.push_back({"none", {}, SourceMode::sensor, directory.file("none.sock")});
  start();
  EXPECT_TRUE(send_datagram(path, good()));
  EXPECT_TRUE(send_datagram(path, good()));
  EXPECT_TRUE(send_datagram(directory.file("far.sock"), good()));
  EXPECT_FALSE(std::filesystem::exists(directory.file("none.sock"))) << "the sensor's own source";
  wait_for(3);
  const std::string key =
      "example.net sts [version: STSv1|mode: enforce|mx: mx.example.net|max_age: 86400] "
      "[mx.example.net] ";
  EXPECT_EQ(committed(), "far " + key + "1/0/0\nout " + key + "2/0/0\n");
  EXPECT_EQ(collector->counters().counted, 3U);
}

// The datagrams that end the reference collector, or that it passes over (two storages, the eighth,
// are nothing a datagram is about).
TEST_F(CollectorTest, ProbesLeaveItAliveAndCounting) {
  const std::pair<std::string, Garbage> kProbes[] = {
      {"{nope", Garbage::syntax},
      {datagram("example.net", sts("\"f\":0,\"\xff\":0")), Garbage::syntax},  // counted, see below
      {"5", Garbage::type},
      {R"({"dpv":"1","d":"example.net","pr":"v=TLSRPTv1;rua=mailto:a@example.net","policies":null})",
       Garbage::type},
      {"[]", Garbage::type},
      {datagram("example.net", sts(R"("t":0)")), Garbage::no_final},
      {R"({"dpv":"2","d":"example.net","pr":"r","policies":[{"policy-type":9,"f":0}]})",
       Garbage::version},
      {std::string(1'000, '['), Garbage::type},
  };
  start();
  std::uint64_t sent = 0, counted = 0;
  std::map<Garbage, std::uint64_t> words;
  for (const auto& [probe, word] : kProbes) {
    const bool invalid_utf8 = probe.find('\xff') != std::string::npos;
    ASSERT_TRUE(send_datagram(path, probe));
    ASSERT_TRUE(send_datagram(path, good()));
    sent += 2;
    counted += invalid_utf8 ? 2 : 1;  // octets that are not UTF-8 cost nobody a session
    if (!invalid_utf8) ++words[word];
    wait_for(sent);
    EXPECT_EQ(collector->counters().counted, counted) << probe;
    for (const auto& [each, count] : words)
      EXPECT_EQ(collector->counters().garbage[static_cast<std::size_t>(each)], count) << probe;
  }
  EXPECT_EQ(collector->counters().garbage_total() + counted, sent);
  EXPECT_NE(committed().find(' ' + std::to_string(counted) + "/0/0\n"), std::string::npos);
}

TEST_F(CollectorTest, EmptyAndCutDatagramsAreCounted) {
  start();
  EXPECT_TRUE(send_datagram(path, ""));
  std::string large = good();
  large.insert(1, std::string(kDatagramBytes, ' '));
  ASSERT_TRUE(send_datagram(path, large, 1 << 20));
  large.erase(1, large.size() - kDatagramBytes);  // the largest that is read
  ASSERT_TRUE(send_datagram(path, large, 1 << 20));
  ASSERT_TRUE(send_datagram(path, good()));
  wait_for(4);
  EXPECT_EQ(collector->counters().truncated, 1U);
  EXPECT_EQ(collector->counters().garbage[static_cast<std::size_t>(Garbage::syntax)], 1U);
  EXPECT_EQ(collector->counters().counted, 2U);
}

TEST_F(CollectorTest, OthersMayNotSend) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root for another user";
  settings.socket_mode = 0666;
  settings.peers.allow_uid(12'345);
  start();
  const auto send = [this] { return send_datagram(path, good()) ? 0 : 1; };
  OtherUser stranger(12'346, 12'346, {}, send), friendly(12'345, 12'345, {}, send);
  wait_for(2);
  run_until([&] { return stranger.ended() && friendly.ended(); });
  EXPECT_EQ(stranger.code() + friendly.code(), 0);
  EXPECT_EQ(collector->counters().foreign, 1U);
  EXPECT_EQ(collector->counters().counted, 1U);
}

TEST_F(CollectorTest, DescriptorsSentAlongAreClosed) {
  start();
  const Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const ipc::SystemAddress address = ipc::unix_address(path);
  std::string text = good();
  iovec piece{text.data(), text.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_name = const_cast<sockaddr*>(address.get());
  message.msg_namelen = address.length;
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int sent = fd.get();
  std::memcpy(CMSG_DATA(header), &sent, sizeof sent);
  const auto open_files = [] {
    const std::filesystem::directory_iterator files("/proc/self/fd");
    return std::distance(begin(files), end(files));
  };
  const auto before = open_files();
  for (int i = 0; i < 10; ++i) ASSERT_GT(::sendmsg(fd.get(), &message, MSG_DONTWAIT), 0);
  wait_for(10);
  EXPECT_EQ(open_files(), before);
  EXPECT_EQ(collector->counters().counted, 10U);
}

TEST_F(CollectorTest, WarnsOfAShortQueue) {
  put_file("short", "10\n");
  put_file("long", "4096\n");
  settings.qlen_file = directory.file("short");
  start();
  EXPECT_EQ(collector->qlen(), 10);
  ASSERT_EQ(collector->notes().size(), 1U);
  EXPECT_NE(collector->notes()[0].find("net.unix.max_dgram_qlen was 10"), std::string::npos);
  collector.reset();
  settings.qlen_file = directory.file("long");
  start();
  EXPECT_EQ(collector->notes().size(), 0U);
}

TEST_F(CollectorTest, SocketHasItsModeAndTakesTheNameOfADeadOne) {
  settings.socket_mode = 0620;
  settings.socket_group = ::getegid();
  {
    const Fd dead(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const ipc::SystemAddress address = ipc::unix_address(path);
    ASSERT_EQ(::bind(dead.get(), address.get(), address.length), 0);
    EXPECT_NE(error().find("another process reads there"), std::string::npos);
  }
  start();
  struct stat there{};
  ASSERT_EQ(::stat(path.c_str(), &there), 0);
  EXPECT_EQ(there.st_mode & 0777, 0620U);
  EXPECT_NE(error().find("another process reads there"), std::string::npos);
  collector.reset();
  std::filesystem::remove(path);
  put_file("tlsrpt.sock", "mine");
  EXPECT_NE(error().find("no socket"), std::string::npos);
  settings.sources[0].socket = std::string(200, 'x');
  EXPECT_NE(error().find("octets"), std::string::npos);
}

TEST_F(CollectorTest, ThreadCountsToo) {
  settings.peers.allow_everybody();
  auto thread = CollectorThread::start(settings, *writer, [] { return kNoon; }).value();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(send_datagram(path, good()));
  thread.reset();  // takes what is still in the socket
  writer->wait();
  EXPECT_NE(dump(*store::ReportStore::open(store_path).value(), kToday).find(" 10/0/0\n"),
            std::string::npos);
}

}  // namespace
}  // namespace mxw::reportd
