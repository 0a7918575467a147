// Owner and readers over real sockets in one loop: all rows, each change, resets, readers that are
// slow or hostile, owners that go and come back.
#include <gmock/gmock.h>
#include <sys/socket.h>

#include <map>
#include <set>

#include "core/feed/codec.hpp"
#include "core/feed/feed_reader.hpp"
#include "core/feed/feed_server.hpp"
#include "core/feed/refill.hpp"
#include "core/feed/replica.hpp"
#include "core/ipc/connect.hpp"
#include "core/ipc/listener.hpp"
#include "tests/unit/feed_support.hpp"
#include "tests/unit/ipc_support.hpp"

namespace mxw::feed {
namespace {

using testing::ElementsAre;

// A replica whose owner must never seem to have lost a domain's policy.
class Watched final : public Observer {
 public:
  void on_reset() override {
    replica.on_reset();
    look();
  }
  void on_change(const rows::Change& change) override {
    replica.on_change(change);
    look();
  }
  void on_end(rows::Sequence head) override {
    replica.on_end(head);
    ++ends;
    look();
  }
  void on_batch() override { replica.on_batch(); }
  void on_state(bool connected) override { replica.on_state(connected); }

  [[nodiscard]] bool has(const std::string& domain, const std::string& id = "1") const {
    const DomainEntry* entry = replica.find(domain);
    return entry != nullptr && entry->policy() != nullptr && entry->policy()->id == id;
  }
  void look() {
    for (const std::string& domain : must_stay) {
      const DomainEntry* entry = replica.find(domain);
      if (entry == nullptr || entry->policy() == nullptr) ++vanished;
    }
  }

  Replica replica;
  std::vector<std::string> must_stay;
  int vanished = 0, ends = 0;
};

class FeedTest : public LoopTest {
 protected:
  void serve(FeedServer::Options options = {}) {
    listening = ipc::listen_on("unix:" + path, {.mode = 0666}).value();
    options.peers.allow_uid(::geteuid());
    server = FeedServer::create(*loop, listening.get(), source, options).value();
  }
  void stop() {
    server.reset();
    listening.reset();
  }
  std::unique_ptr<FeedReader> read(Observer& observer, rows::Sequence from = 0) {
    return FeedReader::create(*loop, path, observer, from).value();
  }
  [[nodiscard]] rows::Sequence head() { return source.head().value(); }
  void put_domain(const std::string& name, const std::string& id = "1",
                  const std::string& more = "") {
    source.put(domain_row(name));
    source.put(policy_row(name, id, more));
  }
  void until_told(const FeedReader& reader) {
    run_until([&] { return reader.sequence() == head(); });
  }
  // A client that only knows sockets.
  [[nodiscard]] Fd raw(const std::string& hello) const {
    Fd fd = ipc::connect_unix(path, ipc::SocketType::stream).value();
    EXPECT_EQ(::send(fd.get(), hello.data(), hello.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(hello.size()));
    return fd;
  }
  // Whether the other end has closed, after what it sent before.
  static bool closed(const Fd& fd) {
    char octets[4'096];
    for (;;) {
      const ssize_t count = ::recv(fd.get(), octets, sizeof octets, MSG_DONTWAIT);
      if (count <= 0) return count == 0 || errno == ECONNRESET;
    }
  }

  std::string path = directory.file("feed.sock");
  FakeSource source;
  Fd listening;
  std::unique_ptr<FeedServer> server;
};

TEST_F(FeedTest, TellsAllRowsThenEachChange) {
  serve();
  for (int i = 0; i < 300; ++i) put_domain("d" + std::to_string(i) + ".example");
  source.put(route_row("d0.example", "mx.example.org"));
  source.put(tlsa_row("_25._tcp.mx.example.org", {3, 1, 1}));
  source.put(event_row("d0.example"));
  Watched watched;
  const auto reader = read(watched);
  until_told(*reader);
  EXPECT_EQ(watched.replica.sizes().policies, 300U);
  EXPECT_EQ(watched.replica.sizes().routes, 1U);
  EXPECT_EQ(watched.replica.tlsa("_25._tcp.mx.example.org").size(), 1U);
  EXPECT_EQ(watched.ends, 1);
  EXPECT_TRUE(watched.replica.connected());
  EXPECT_LE(source.most_rows, FeedServer::Options{}.page_rows);

  put_domain("new.example", "2");
  source.del(rows::Table::domain, "d7.example");
  server->notify();
  until_told(*reader);
  EXPECT_TRUE(watched.has("new.example", "2"));
  EXPECT_EQ(watched.replica.find("d7.example"), nullptr);
  EXPECT_EQ(watched.replica.sequence(), head());
  EXPECT_EQ(watched.ends, 1);
  EXPECT_EQ(server->counters().resets, 1U);
}

TEST_F(FeedTest, GoesOnWhereAReaderWas) {
  serve();
  put_domain("old.example");
  const rows::Sequence before = head();
  put_domain("new.example");
  Watched watched;
  const auto reader = read(watched, before);
  until_told(*reader);
  EXPECT_EQ(server->counters().resets, 0U);
  EXPECT_EQ(watched.replica.find("old.example"), nullptr);
  EXPECT_TRUE(watched.has("new.example"));
}

TEST_F(FeedTest, AStoreThatLostItsSequenceIsToldAnewAndNothingVanishes) {
  serve({.page_rows = 1});
  put_domain("kept.example");
  put_domain("forgotten.example");
  source.put(domain_row("gone.example", rows::DomainState::none));
  Watched watched;
  auto reader = read(watched);
  until_told(*reader);
  // An owner that lost a policy has not ended it: readers keep it until its time is over.
  watched.must_stay = {"kept.example", "forgotten.example"};
  // While connected: a younger store, then one whose head is behind what the reader knows.
  for (const rows::Sequence begin : {rows::Sequence{2'000'000}, rows::Sequence{500'000}}) {
    source.lose(begin);
    put_domain("more.example");
    put_domain("kept.example");
    server->notify();
    until_told(*reader);
    EXPECT_TRUE(watched.has("kept.example"));
    EXPECT_TRUE(watched.has("more.example"));
    EXPECT_EQ(watched.replica.find("gone.example"), nullptr);
  }
  // And on coming back, knowing a sequence that the store has never had.
  reader.reset();
  source.lose(400'000);
  put_domain("kept.example", "2");
  reader = read(watched, watched.replica.sequence());
  until_told(*reader);
  EXPECT_TRUE(watched.has("kept.example", "2"));
  EXPECT_TRUE(watched.has("forgotten.example"));
  EXPECT_EQ(watched.vanished, 0);
  EXPECT_EQ(watched.ends, 4);
}

TEST_F(FeedTest, AChangeDuringTheTellingIsNotMissed) {
  serve({.buffer_bytes = 1, .page_rows = 1});
  for (int i = 0; i < 400; ++i) put_domain("d" + std::to_string(i) + ".example");
  Watched watched;
  watched.must_stay = {};
  auto reader = read(watched);
  until_told(*reader);
  watched.must_stay = {"d0.example", "d399.example"};
  source.lose(3'000'000);
  for (int i = 0; i < 400; ++i) put_domain("d" + std::to_string(i) + ".example");
  server->notify();
  run_until([&] { return watched.replica.resetting(); });
  put_domain("d0.example", "2");
  put_domain("d399.example", "2");
  source.del(rows::Table::domain, "d200.example");
  server->notify();
  until_told(*reader);
  EXPECT_TRUE(watched.has("d0.example", "2"));
  EXPECT_TRUE(watched.has("d399.example", "2"));
  EXPECT_EQ(watched.replica.find("d200.example"), nullptr);
  EXPECT_EQ(watched.replica.sizes().policies, 399U);
  EXPECT_EQ(watched.vanished, 0);
}

TEST_F(FeedTest, AnOwnerThatStopsAndComesBackTakesNothingAway) {
  serve();
  put_domain("kept.example");
  put_domain("gone.example");
  Watched watched;
  const auto reader = read(watched);
  until_told(*reader);
  watched.must_stay = {"kept.example"};
  stop();
  run_until([&] { return !reader->connected(); });
  EXPECT_FALSE(watched.replica.connected());
  EXPECT_TRUE(watched.has("gone.example"));

  source.del(rows::Table::domain, "gone.example");
  serve();
  until_told(*reader);
  EXPECT_EQ(watched.replica.find("gone.example"), nullptr);
  EXPECT_EQ(reader->counters().resets, 1U);

  // It stops in the middle of telling all: what was told counts, what was not is asked for again.
  source.lose(5'000'000);
  put_domain("kept.example");
  for (int i = 0; i < 3'000; ++i) put_domain("d" + std::to_string(i) + ".example");
  stop();
  serve();
  run_until([&] { return watched.replica.resetting(); });
  EXPECT_EQ(reader->sequence(), 0U);
  stop();
  run_until([&] { return !reader->connected(); });
  EXPECT_TRUE(watched.replica.resetting());
  EXPECT_EQ(watched.replica.sequence(), 0U);
  serve();
  until_told(*reader);
  EXPECT_EQ(watched.replica.sizes().policies, 3'001U);
  EXPECT_EQ(watched.vanished, 0);
  EXPECT_EQ(watched.ends, 2);
}

// A row that was refused for want of room comes once there is some.
TEST_F(FeedTest, AReaderThatStartsOverIsToldAll) {
  serve();
  for (const char* name : {"a.example", "b.example", "c.example"}) put_domain(name);
  Replica replica({.domains = 2});
  const auto reader = read(replica);
  until_told(*reader);
  EXPECT_EQ(replica.find("c.example"), nullptr);
  source.del(rows::Table::domain, "a.example");
  server->notify();
  until_told(*reader);
  ASSERT_EQ(replica.find("a.example"), nullptr);
  EXPECT_EQ(replica.find("c.example"), nullptr);
  Refill refill;
  ASSERT_TRUE(refill.due(replica, 0));
  reader->start_over();
  EXPECT_NE(replica.find("b.example"), nullptr) << "what is known stays";
  run_until([&] { return replica.find("c.example") != nullptr && !replica.resetting(); });
  EXPECT_NE(replica.find("b.example"), nullptr);
  EXPECT_FALSE(replica.lacks());
  EXPECT_EQ(reader->counters().resets, 2U);
  EXPECT_EQ(reader->counters().started_over, 1U);
}

TEST_F(FeedTest, AReaderTooFarBehindIsCutOffAndOthersGetEverything) {
  serve({.behind_bytes = 1 << 20});
  const Fd slow = raw("{\"v\":1,\"from\":0}\n");
  Watched watched;
  const auto reader = read(watched);
  until_told(*reader);
  const std::string body(50'000, 'b');
  for (int i = 0; i < 60 && server->counters().cut_off == 0; ++i) {
    source.put(policy_row("d" + std::to_string(i) + ".example", "1", body));
    server->notify();
    until_told(*reader);
  }
  EXPECT_EQ(server->counters().cut_off, 1U);
  EXPECT_EQ(server->readers(), 1U);
  // A bound of 1 MiB, and what the kernel and our buffer hold: 208 KiB and 256 KiB by default.
  EXPECT_GT(watched.replica.sizes().policies, 20U);
  EXPECT_LT(watched.replica.sizes().policies, 60U);
  EXPECT_TRUE(closed(slow));
  put_domain("after.example");
  server->notify();
  until_told(*reader);
  EXPECT_TRUE(watched.has("after.example"));
}

TEST_F(FeedTest, AReaderThatIsOnlySlowGetsEverything) {
  serve({.behind_bytes = 1 << 20});
  const Fd slow = raw("{\"v\":1,\"from\":0}\n");
  const std::string body(50'000, 'b');
  ipc::LineStream lines(kLineBytes);
  std::string piece(200'000, '\0');
  Replica replica;
  // 3 MiB altogether, never more than 1 MiB of it waiting.
  for (int i = 0; i < 60; ++i) {
    source.put(policy_row("d" + std::to_string(i) + ".example", "1", body));
    server->notify();
    if (i % 10 != 9) continue;
    for (bool more = true; more;) {
      run_for(2 * kMillisecond);
      const ssize_t count = ::recv(slow.get(), piece.data(), piece.size(), MSG_DONTWAIT);
      more = count > 0;
      if (!more) continue;
      lines.feed(std::string_view(piece).substr(0, static_cast<std::size_t>(count)));
      while (const auto text = lines.next()) {
        if (const Line line = decode(*text); line.change) replica.on_change(*line.change);
      }
    }
  }
  EXPECT_EQ(replica.sizes().policies, 60U);
  EXPECT_EQ(server->counters().cut_off, 0U);
}

TEST_F(FeedTest, LittleIsKeptForAReaderThatDoesNotRead) {
  const std::string body(60'000, 'b');
  for (int i = 0; i < 200; ++i)
    source.put(policy_row("d" + std::to_string(i) + ".example", "1", body));
  serve();
  const Fd slow = raw("{\"v\":1,\"from\":0}\n");
  Watched watched;
  const auto reader = read(watched);
  until_told(*reader);
  EXPECT_EQ(watched.replica.sizes().policies, 200U);
  // 12 MB are there; of those the slow one got what a socket takes, and a buffer was made.
  EXPECT_LT(server->counters().lines, 200U + 20U);
  EXPECT_EQ(server->readers(), 2U);
  EXPECT_EQ(server->counters().cut_off, 0U);
}

TEST_F(FeedTest, AReaderThatSaysAnythingElseIsClosed) {
  serve({.hello_ns = 30 * kMillisecond});
  const std::vector<std::string> bad = {"GET / HTTP/1.1\r\n",
                                        "{\"v\":3,\"from\":0}\n",
                                        "\n",
                                        std::string(kHelloBytes + 1, 'x'),
                                        "{\"v\":1,\"from\":0}\nmore",
                                        "{\"v\":1,\"from\":0}\n{\"v\":1,\"from\":0}\n"};
  for (const std::string& hello : bad) {
    const Fd fd = raw(hello);
    run_until([&] { return closed(fd); });
  }
  EXPECT_EQ(server->counters().misbehaved, bad.size());
  const Fd late = raw("{\"v\":1,\"from\":0}\n");
  run_until([&] { return server->counters().resets == 1; });
  EXPECT_EQ(::send(late.get(), "x", 1, MSG_NOSIGNAL), 1);
  run_until([&] { return closed(late); });
  const Fd silent = raw("{\"v\":1,");
  run_until([&] { return closed(silent); });
  EXPECT_EQ(server->counters().misbehaved, bad.size() + 1);
  EXPECT_EQ(server->counters().silent, 1U);
  EXPECT_EQ(server->readers(), 0U);
}

TEST_F(FeedTest, AFirstLineMayComeInPieces) {
  serve();
  put_domain("a.example");
  const Fd fd = raw("{\"v\":");
  run_for(2 * kMillisecond);
  EXPECT_EQ(::send(fd.get(), "1}\n", 3, MSG_NOSIGNAL), 3);
  run_until([&] { return server->counters().lines == 2; });
}

TEST_F(FeedTest, HasNoMoreReadersThanAllowed) {
  serve({.readers = 3, .readers_of_user = 2});
  const Fd a = raw(""), b = raw(""), c = raw("");
  run_until([&] { return closed(c); });
  EXPECT_EQ(server->readers(), 2U);
  EXPECT_EQ(server->counters().crowded, 1U);
}

TEST_F(FeedTest, ASourceThatCannotBeReadClosesItsReadersUntilItCan) {
  serve();
  put_domain("a.example");
  source.broken = true;
  Watched watched;
  const auto reader = read(watched);
  run_until([&] { return reader->counters().disconnects > 0; });
  EXPECT_EQ(server->counters().source_errors, 1U);
  EXPECT_EQ(server->last_error(), "the disk is gone");
  source.broken = false;
  until_told(*reader);
  EXPECT_TRUE(watched.has("a.example"));
}

TEST_F(FeedTest, OtherUsersAreRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can be another user";
  FeedServer::Options options;
  options.peers.allow_uid(60'001);
  serve(options);
  const auto first_octet = [this] {
    const auto fd = ipc::connect_unix(path, ipc::SocketType::stream);
    if (!fd) return 3;
    char octet = 0;
    (void)!::send(fd->get(), "{\"v\":1}\n", 8, MSG_NOSIGNAL);
    for (int i = 0; i < 10'000; ++i) {
      const ssize_t count = ::recv(fd->get(), &octet, 1, MSG_DONTWAIT);
      if (count > 0) return octet == '{' ? 0 : 2;
      if (count == 0 || errno != EAGAIN) return 1;
      ::usleep(1'000);
    }
    return 4;
  };
  for (const auto& [uid, code] : {std::pair{60'001U, 0}, std::pair{60'009U, 1}}) {
    OtherUser child(uid, uid, {}, first_octet);
    run_until([&] { return child.ended(); });
    EXPECT_EQ(child.code(), code) << uid;
  }
  EXPECT_EQ(server->accept_counters().refused, 1U);
}

// An owner of a later version, or a damaged one.
class Said final : public Observer {
 public:
  void on_reset() override { said.emplace_back("reset"); }
  void on_change(const rows::Change& change) override {
    said.push_back("change " + std::to_string(sequence_of(change)));
  }
  void on_end(rows::Sequence head) override { said.push_back("end " + std::to_string(head)); }
  void on_state(bool connected) override { said.emplace_back(connected ? "here" : "gone"); }
  std::vector<std::string> said;
};

TEST_F(FeedTest, AReaderPassesOverWhatItDoesNotKnow) {
  listening = ipc::listen_on("unix:" + path, {}).value();
  Said observer;
  const auto reader = read(observer, 77);
  run_until([&] { return reader->connected(); });
  const Fd owner(::accept(listening.get(), nullptr, nullptr));
  char hello[100] = {};
  EXPECT_GT(::recv(owner.get(), hello, sizeof hello - 1, 0), 0);
  EXPECT_STREQ(hello, "{\"v\":1,\"from\":77}\n");
  std::string text = "\xff\n" + std::string(kLineBytes + 1, 'x') + "\n";
  append_end(text, 78);  // without a reset it says nothing
  append_line(text, rows::Deletion{.name = "a.example", .seq = 80});
  text += R"({"v":1,"seq":81,"op":"put","table":"weather","row":{}})"
          "\n";
  text += R"({"v":1,"seq":82,"op":"put","table":"domain","row":{"name":4}})"
          "\n";
  for (std::string_view left = text; !left.empty();) {
    const ssize_t count = ::send(owner.get(), left.data(), left.size(), MSG_DONTWAIT);
    if (count > 0) left.remove_prefix(static_cast<std::size_t>(count));
    run_for(kMillisecond);
  }
  run_until([&] { return reader->counters().lines == 5; });
  EXPECT_THAT(observer.said, ElementsAre("here", "change 80"));
  EXPECT_EQ(reader->sequence(), 82U);
  EXPECT_EQ(reader->counters().too_long, 1U);
  const auto skipped = [&](Skip skip) {
    return reader->counters().skipped[static_cast<std::size_t>(skip)];
  };
  EXPECT_EQ(skipped(Skip::not_json), 1U);
  EXPECT_EQ(skipped(Skip::unknown_table), 1U);
  EXPECT_EQ(skipped(Skip::wrong_type), 1U);
}

TEST_F(FeedTest, AReplacedSetIsTakenInOnePiece) {
  listening = ipc::listen_on("unix:" + path, {}).value();
  Said observer;
  const auto reader = read(observer, 77);
  const auto accepted = [&](std::string_view hello) {
    Fd owner;
    run_until([&] {
      owner = Fd(::accept4(listening.get(), nullptr, nullptr, SOCK_NONBLOCK));
      return static_cast<bool>(owner);
    });
    std::string said(100, '\0');
    ssize_t count = -1;
    run_until([&] { return (count = ::recv(owner.get(), said.data(), said.size(), 0)) > 0; });
    EXPECT_EQ(said.substr(0, static_cast<std::size_t>(count)), hello);
    return owner;
  };
  const auto send = [&](const Fd& owner, const auto&... more) {
    const std::uint64_t before = reader->counters().lines;
    std::string text;
    append_line(text, more...);
    EXPECT_EQ(::send(owner.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    run_until([&] { return reader->counters().lines > before; });
  };
  const rows::Deletion del{.table = rows::Table::mx_route, .name = "a.example", .seq = 80};
  rows::RouteRow first = route_row("a.example", "mx1.example.org");
  rows::RouteRow second = route_row("a.example", "mx2.example.org");
  first.seq = 81;
  second.seq = 82;
  {
    const Fd owner = accepted("{\"v\":1,\"from\":77}\n");
    send(owner, del, 2);
    send(owner, first);
    EXPECT_THAT(observer.said, ElementsAre("here"));
    EXPECT_EQ(reader->sequence(), 77U);
  }
  const Fd owner = accepted("{\"v\":1,\"from\":77}\n");  // what was half told is asked for again
  send(owner, del, 2);
  send(owner, first);
  EXPECT_THAT(observer.said, ElementsAre("here", "gone", "here"));
  send(owner, second);
  EXPECT_THAT(observer.said,
              ElementsAre("here", "gone", "here", "change 80", "change 81", "change 82"));
  EXPECT_EQ(reader->sequence(), 82U);
  // An owner that does not keep its word holds up nothing.
  send(owner, rows::Deletion{.table = rows::Table::tlsa, .name = "_25._tcp.a", .seq = 83}, 9);
  send(owner, rows::Deletion{.table = rows::Table::domain, .name = "a.example", .seq = 84});
  EXPECT_EQ(observer.said.back(), "change 84");
  EXPECT_EQ(observer.said.size(), 8U);
}

// As the map sees it: what the replica holds of a domain whenever it tells of changes.
class Glances final : public Observer {
 public:
  void on_reset() override { replica.on_reset(); }
  void on_change(const rows::Change& change) override { replica.on_change(change); }
  void on_end(rows::Sequence head) override {
    replica.on_end(head);
    look();
  }
  void on_batch() override {
    replica.on_batch();
    ++batches;
    look();
  }
  void on_state(bool) override {}
  void look() {
    const DomainEntry* entry = replica.find("a.example");
    note(routes, entry == nullptr ? 0 : entry->routes().size());
    note(tlsa, replica.tlsa("_25._tcp.a").size());
  }
  // From the first set on.
  static void note(std::set<std::size_t>& seen, std::size_t size) {
    if (size > 0 || !seen.empty()) seen.insert(size);
  }
  Replica replica;
  std::set<std::size_t> routes, tlsa;
  int batches = 0;
};

// Every line on its own, pages of three rows: the set comes in many batches.
TEST_F(FeedTest, AReplacedSetIsNeverSeenEmptyOrHalf) {
  serve({.peers = {}, .buffer_bytes = 1, .page_rows = 3});
  const auto replace = [this](int routes) {
    source.del(rows::Table::mx_route, "a.example");
    for (int i = 0; i < routes; ++i)
      source.put(route_row("a.example", "mx" + std::to_string(i) + ".example.org"));
    source.del(rows::Table::tlsa, "_25._tcp.a");
    for (int i = 0; i < 20; ++i)
      source.put(tlsa_row("_25._tcp.a", {static_cast<std::uint8_t>(i), 1}));
    for (int i = 0; i < 3; ++i) put_domain("d" + std::to_string(i) + ".example");
  };
  replace(40);
  Glances map;
  const auto reader = read(map, source.head().value());  // only what comes from now on
  run_until([&] { return reader->connected(); });
  for (const int routes : {40, 30, 40}) {
    replace(routes);
    server->notify();
    until_told(*reader);
    EXPECT_EQ(map.replica.find("a.example")->routes().size(), static_cast<std::size_t>(routes));
  }
  EXPECT_GT(map.batches, 10);  // else nothing was split
  EXPECT_THAT(map.routes, ElementsAre(30, 40));
  EXPECT_THAT(map.tlsa, ElementsAre(20));

  // Replaced while everything is told.
  Glances other;
  const auto late = read(other, 0);
  run_until([&] { return late->counters().lines > 50; });
  replace(30);
  server->notify();
  until_told(*late);
  EXPECT_EQ(other.replica.find("a.example")->routes().size(), 30U);
  EXPECT_FALSE(other.routes.contains(0));
}

}  // namespace
}  // namespace mxw::feed
