// How what sensors tell is counted, committed and acknowledged.
#include "core/ipc/connect.hpp"
#include "core/ipc/json_message.hpp"
#include "core/ipc/listener.hpp"
#include "reportd/sensor_feed.hpp"
#include "tests/unit/ipc_support.hpp"
#include "tests/unit/reportd_support.hpp"

namespace mxw::reportd {
namespace {

std::string words(SourceMode mode, const SensorFacts& facts) {
  const auto final = sensor_final(mode, facts);
  if (!final) return "-";
  return *final == Final::success   ? "success"
         : *final == Final::failure ? "failure"
                                    : "undetermined";
}

TEST(SensorFinal, IsWhatTheModeAllows) {
  using enum Final;
  const auto kSensor = SourceMode::sensor, kGaps = SourceMode::mta_gaps;
  const struct {
    SourceMode mode;
    SensorFacts facts;
    std::string expected;
  } kRows[] = {
      {kSensor, {kNoPolicyFound, success, false, "rcpt", 0, "yes", "tls"}, "success"},
      {kSensor, {kNoPolicyFound, success, false, "map", 1, "yes", "tls"}, "success"},
      {kSensor, {kNoPolicyFound, success, false, "map", 2, "yes", "tls"}, "undetermined"},
      {kSensor, {kNoPolicyFound, success, false, "map", 0, "yes", "tls"}, "undetermined"},
      {kSensor, {kNoPolicyFound, success, false, "", 1, "yes", "tls"}, "undetermined"},
      {kSensor, {kNoPolicyFound, success, false, "sni", 1, "yes", "tls"}, "undetermined"},
      {kSensor, {kNoPolicyFound, success, false, "rcpt", 0, "yes", "plaintext"}, "undetermined"},
      {kSensor, {kSts, success, false, "rcpt", 0, "yes", "tls"}, "undetermined"},
      {kSensor, {kTlsa, success, false, "rcpt", 0, "yes", "tls"}, "undetermined"},
      {kSensor, {kSts, failure, true, "rcpt", 0, "no", "plaintext"}, "failure"},
      {kSensor, {kSts, failure, false, "rcpt", 0, "no", "plaintext"}, "undetermined"},
      {kSensor, {kSts, failure, true, "map", 3, "no", "plaintext"}, "undetermined"},
      {kSensor, {kSts, undetermined, true, "rcpt", 0, "no", "plaintext"}, "undetermined"},
      {kGaps, {kSts, failure, true, "rcpt", 0, "no", "plaintext"}, "failure"},
      {kGaps, {kSts, failure, true, "rcpt", 0, "garbled", "plaintext"}, "failure"},
      {kGaps, {kSts, failure, true, "rcpt", 0, "yes", "plaintext"}, "-"},
      {kGaps, {kSts, failure, true, "rcpt", 0, "no", "failed"}, "-"},
      {kGaps, {kSts, failure, true, "map", 2, "no", "plaintext"}, "undetermined"},
      {kGaps, {kNoPolicyFound, success, false, "rcpt", 0, "yes", "tls"}, "-"},
      {SourceMode::mta, {kSts, failure, true, "rcpt", 0, "no", "plaintext"}, "-"},
  };
  for (const auto& row : kRows)
    EXPECT_EQ(words(row.mode, row.facts), row.expected)
        << name(row.mode) << ' ' << row.facts.basis << ' ' << row.facts.outcome;
}

struct Told {
  std::uint64_t seq = 1;
  std::string sensor = "s1", instance = "i1", egress = "192.0.2.25", domain = "example.net";
  std::string session = "\"flow-1\"";
  std::string time = "2026-11-26T12:00:00Z";
  std::string rest =
      R"("policy":{"type":"sts","strings":["version: STSv1"],"mx_host":["mx.example.net"]},)"
      R"("final":"failure","failure":{"result":"starttls-not-supported","reason":"stripped",)"
      R"("mx_host":"mx.example.net","mx_ip":"192.0.2.7","helo_name":"mx.example.net"},)"
      R"("basis":"rcpt","offered":"no","outcome":"plaintext")";

  [[nodiscard]] std::string text() const {
    return R"({"v":1,"sensor":")" + sensor + R"(","instance":")" + instance + R"(","seq":)" +
           std::to_string(seq) + R"(,"time":")" + time + R"(","egress_ip":")" + egress +
           R"(","policy_domain":")" + domain + R"(","session":)" + session + ',' + rest + '}';
  }
};

class SensorFeedTest : public LoopTest {
 protected:
  SensorFeedTest() {
    listening =
        ipc::listen_on("unix:" + path, {.type = ipc::SocketType::seqpacket, .mode = 0600}).value();
    start();
  }
  ~SensorFeedTest() override { stop(); }

  void start() {
    store = std::move(store::ReportStore::open(store_path).value());
    writer = std::move(TallyWriter::start({.path = store_path}).value());
    SensorFeed::Settings settings;
    settings.sources = {{"out", {*IpAddress::parse("192.0.2.25")}, SourceMode::sensor, ""},
                        {"gap", {*IpAddress::parse("192.0.2.26")}, SourceMode::mta_gaps, ""},
                        {"mta", {*IpAddress::parse("192.0.2.27")}, SourceMode::mta, ""}};
    settings.peers.allow_uid(::geteuid());
    settings.clock = [] { return kNoon; };
    feed = std::move(SensorFeed::create(*loop, listening.get(), settings, *store, *writer).value());
  }
  void stop() {
    feed.reset();
    writer.reset();
    store.reset();
  }
  [[nodiscard]] Fd connected() const {
    return ipc::connect_unix(path, ipc::SocketType::seqpacket).value();
  }
  void tell(const Fd& fd, const std::string& text) {
    const std::uint64_t before = feed->counters().messages;
    ASSERT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
    run_until([&] { return feed->counters().messages > before; });
  }
  static std::string heard(const Fd& fd) {
    std::string text(4'096, '\0');
    const ssize_t count = ::recv(fd.get(), text.data(), text.size(), MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno == ECONNRESET)) return "(end)";
    if (count < 0) return "";
    text.resize(static_cast<std::size_t>(count));
    return text;
  }
  std::string wait_for(const Fd& fd) {
    std::string text;
    run_until([&] { return !(text = heard(fd)).empty(); });
    return text;
  }
  // The acknowledgement after a commit.
  std::string flushed(const Fd& fd) {
    feed->flush();
    return wait_for(fd);
  }
  std::string held() { return dump(*store, kToday); }

  std::string path = directory.file("sensor.sock"), store_path = directory.file("reportd.db");
  Fd listening;
  std::unique_ptr<store::ReportStore> store;
  std::unique_ptr<TallyWriter> writer;
  std::unique_ptr<SensorFeed> feed;
};

std::string ack(std::uint64_t seq, const std::string& instance = "i1") {
  return R"({"v":1,"instance":")" + instance + R"(","ack":)" + std::to_string(seq) + '}';
}

constexpr std::string_view kCounted =
    "out example.net sts [version: STSv1] [mx.example.net] 0/1/0\n"
    "  1 starttls-not-supported 192.0.2.25 mx.example.net mx.example.net 192.0.2.7 stripped\n";

TEST_F(SensorFeedTest, CountsCommitsThenAcknowledges) {
  const Fd fd = connected();
  tell(fd, Told{}.text());
  EXPECT_EQ(heard(fd), "") << "not committed yet";
  EXPECT_EQ(flushed(fd), ack(1));
  EXPECT_EQ(held(), kCounted);
  EXPECT_EQ(store->last_seq("s1", "i1").value(), 1U);
}

TEST_F(SensorFeedTest, WhatIsSentAgainCountsOnce) {
  Fd fd = connected();
  tell(fd, Told{}.text());
  EXPECT_EQ(flushed(fd), ack(1));
  tell(fd, Told{}.text());
  EXPECT_EQ(flushed(fd), ack(1));
  stop();  // and start again, as if the acknowledgement had been lost
  start();
  fd = connected();
  tell(fd, Told{}.text());
  tell(fd, Told{.seq = 2, .session = "\"flow-2\"", .rest = R"("policy":{"type":"sts"})"}.text());
  EXPECT_EQ(flushed(fd), ack(2));
  EXPECT_EQ(feed->counters().again, 1U);
  EXPECT_EQ(held(), "out example.net sts [] [] 0/0/1\n" + std::string(kCounted));
}

TEST_F(SensorFeedTest, NotCommittedIsSentAgainAfterARestart) {
  {
    const Fd fd = connected();
    tell(fd, Told{}.text());
  }
  stop();  // nothing was flushed: nothing may be there
  start();
  EXPECT_EQ(held(), "");
  const Fd fd = connected();
  tell(fd, Told{}.text());
  EXPECT_EQ(flushed(fd), ack(1));
  EXPECT_EQ(held(), kCounted);
}

TEST_F(SensorFeedTest, SessionDomainAndPolicyCountOnce) {
  const Fd fd = connected();
  tell(fd, Told{.seq = 1, .session = "77"}.text());
  tell(fd, Told{.seq = 2, .session = "77"}.text());
  tell(fd, Told{.seq = 5, .domain = "example.org", .session = "77"}.text());
  EXPECT_EQ(flushed(fd), ack(5));
  EXPECT_EQ(feed->counters().repeated, 1U);
  EXPECT_EQ(feed->counters().missing, 2U);
  EXPECT_EQ(feed->counters().counted, 2U);
}

TEST_F(SensorFeedTest, SourcesHaveTheirModes) {
  const Fd fd = connected();
  tell(fd, Told{.seq = 1, .egress = "192.0.2.26"}.text());
  tell(fd, Told{.seq = 2, .egress = "192.0.2.27"}.text());
  tell(fd, Told{.seq = 3, .egress = "192.0.2.28"}.text());
  EXPECT_EQ(flushed(fd), ack(3)) << "what does not count is not asked for again";
  EXPECT_EQ(feed->counters().counted, 1U);
  EXPECT_EQ(feed->counters().not_for_mode, 1U);
  EXPECT_EQ(feed->counters().no_source, 1U);
  EXPECT_EQ(held().substr(0, 15), "gap example.net");
}

TEST_F(SensorFeedTest, OneSensorFeedsAnEgressAddress) {
  Fd first = connected();
  const Fd second = connected();
  tell(first, Told{}.text());
  tell(second, Told{.sensor = "s2", .instance = "i2", .session = "2"}.text());
  feed->flush();
  EXPECT_EQ(wait_for(first), ack(1));
  EXPECT_EQ(wait_for(second), ack(1, "i2"));
  EXPECT_EQ(feed->counters().other_sensor, 1U);
  EXPECT_EQ(held(), kCounted);
  first.reset();
  run_for(20 * kMillisecond);
  tell(second, Told{.seq = 2, .sensor = "s2", .instance = "i2", .session = "3"}.text());
  EXPECT_EQ(flushed(second), ack(2, "i2"));
  EXPECT_EQ(feed->counters().other_sensor, 1U) << "the first has gone";
}

TEST_F(SensorFeedTest, EventsCountOnTheirOwnDay) {
  const Fd fd = connected();
  tell(fd, Told{.time = "2026-11-25T23:59:59.999Z"}.text());
  EXPECT_EQ(flushed(fd), ack(1));
  EXPECT_EQ(held(), "");
  EXPECT_EQ(dump(*store, kToday - 1), kCounted);
}

TEST_F(SensorFeedTest, PeersThatSendSomethingElseAreCutOff) {
  const std::string kBad[] = {
      "nonsense",
      "{}",
      R"({"v":2})",
      "[" + Told{}.text() + "]",
      Told{.seq = 0}.text(),
      Told{.sensor = ""}.text(),
      Told{.egress = "somewhere"}.text(),
      Told{.domain = "no domain"}.text(),
      Told{.session = "true"}.text(),
      Told{.time = "yesterday"}.text(),
      Told{.rest = R"("final":"failure")"}.text(),
      Told{.rest = R"("policy":{"type":"dane"})"}.text(),
      Told{.rest = R"("policy":{"type":"sts"},"failure":{"result":"bad-luck"})"}.text(),
      Told{.rest = R"("policy":{"type":"sts"},"final":"perhaps")"}.text(),
      std::string(kSensorMessageBytes, 'x'),
  };
  const Fd other = connected();
  for (const std::string& text : kBad) {
    const Fd fd = connected();
    tell(fd, text);
    EXPECT_EQ(wait_for(fd), "(end)") << text.substr(0, 100);
  }
  EXPECT_EQ(feed->counters().garbage, std::size(kBad));
  tell(other, Told{}.text());
  EXPECT_EQ(flushed(other), ack(1)) << "others do not notice";
  tell(other, Told{.sensor = "s9"}.text());
  EXPECT_EQ(wait_for(other), "(end)") << "one connection speaks for one sensor";
}

}  // namespace
}  // namespace mxw::reportd
