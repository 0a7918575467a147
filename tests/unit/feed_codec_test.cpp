// The feed's lines: written as semantics 6 has them, read back the same, and what is hostile or of
// a later version is passed over with its reason.
#include "core/feed/codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "core/ipc/line_stream.hpp"
#include "tests/unit/feed_support.hpp"

namespace mxw::feed {
namespace {

template <typename Row>
std::string line_of(const Row& row) {
  std::string out;
  append_line(out, row);
  EXPECT_TRUE(out.ends_with('\n'));
  EXPECT_EQ(out.find('\n'), out.size() - 1);
  out.pop_back();
  return out;
}

template <typename Row>
void expect_same(Row row, rows::Sequence seq = 1'795'000'000'000'001) {
  row.seq = seq;
  const std::string text = line_of(row);
  const Line line = decode(text);
  EXPECT_EQ(line.seq, seq);
  // Types that rows::Change does not hold yet are a table not known.
  if constexpr (std::is_constructible_v<rows::Change, Row>) {
    ASSERT_EQ(name(line.skip), "none") << text;
    ASSERT_TRUE(line.change);
    ASSERT_TRUE(std::holds_alternative<Row>(*line.change)) << text;
    EXPECT_EQ(std::get<Row>(*line.change), row) << text;
    std::string again;
    append_line(again, *line.change);
    EXPECT_EQ(again, text + '\n');
  } else {
    EXPECT_EQ(name(line.skip), "unknown-table");
  }
}

TEST(FeedLine, IsWrittenAsTheContractHasIt) {
  rows::DomainRow domain;
  domain.name = "example.org";
  domain.state = rows::DomainState::none;
  domain.txt_until = Time{5};
  domain.seq = 7;
  EXPECT_EQ(line_of(domain),
            R"({"v":1,"seq":7,"op":"put","table":"domain","row":{"tenant":0,"origin":"",)"
            R"("name":"example.org","state":"none","txt_id":"","txt_until":5,"check_result":"",)"
            R"("fail_count":0,"fail_type":"","last_asked":0}})");
  rows::RouteRow route{.policy_domain = "example.org",
                       .mx_host = "mx.example.org",
                       .address = *IpAddress::parse("2001:db8::1"),
                       .until = Time{-3},
                       .seq = 8};
  EXPECT_EQ(line_of(route),
            R"({"v":1,"seq":8,"op":"put","table":"mx_route","row":{"tenant":0,"origin":"",)"
            R"("policy_domain":"example.org","mx_host":"mx.example.org","address":"2001:db8::1",)"
            R"("source":"","seen":0,"until":-3,"ad":false}})");
  rows::TlsaRow tlsa{.base = "_25._tcp.mx.example.org",
                     .rdata = {3, 1, 1, 0xab},
                     .found_at = "host.example.net",
                     .seq = 9};
  EXPECT_EQ(line_of(tlsa),
            R"({"v":1,"seq":9,"op":"put","table":"tlsa","row":{"tenant":0,"origin":"",)"
            R"("base":"_25._tcp.mx.example.org","rdata":"030101ab","ad":false,"until":0,)"
            R"("found_at":"host.example.net"}})");
  rows::TlsrptRow tlsrpt = tlsrpt_row("example.org");
  tlsrpt.seq = 10;
  EXPECT_EQ(line_of(tlsrpt),
            R"({"v":1,"seq":10,"op":"put","table":"tlsrpt","row":{"tenant":0,"origin":"host-a",)"
            R"("domain":"example.org","record":"v=TLSRPTv1; rua=mailto:tls@example.org",)"
            R"("valid_from":1795000000000000000,"valid_to":1795000100000000000,)"
            R"("confirmed_at":1795000050000000000}})");
  rows::RereadRow reread = reread_row("example.org");
  reread.seq = 11;
  EXPECT_EQ(line_of(reread),
            R"({"v":1,"seq":11,"op":"put","table":"reread","row":{"tenant":0,"origin":"host-a",)"
            R"("domain":"example.org","at":1795000007000000000,"ok":true,)"
            R"("id":"20261121T080000","mode":"testing"}})");
  rows::PolicyFailureRow failure = failure_row("example.org");
  failure.seq = 16;
  EXPECT_EQ(line_of(failure),
            R"({"v":1,"seq":16,"op":"put","table":"failure","row":{"tenant":0,"origin":"host-a",)"
            R"("domain":"example.org","mx_host":"mx.example.org","result":"tlsa-invalid",)"
            R"("reason":"no usable TLSA record","from":1795000010000000000,)"
            R"("to":1795000030000000000,"seen":1795000020000000000}})");
  EXPECT_EQ(line_of(rows::Deletion{
                .table = rows::Table::mx_route, .tenant = 2, .name = "example.org", .seq = 12}),
            R"({"v":1,"seq":12,"op":"del","table":"mx_route",)"
            R"("row":{"tenant":2,"name":"example.org"}})");
  std::string out;
  append_reset(out, 13);
  append_end(out, 14);
  append_hello(out, 15);
  EXPECT_EQ(out,
            "{\"v\":1,\"seq\":13,\"op\":\"reset\"}\n{\"v\":1,\"seq\":14,\"op\":\"end\"}\n"
            "{\"v\":1,\"from\":15}\n");
}

TEST(FeedLine, BringsEveryRowBack) {
  expect_same(domain_row("example.org"));
  expect_same(policy_row("example.org"));
  expect_same(route_row("example.org", "mx.example.org"));
  expect_same(route_row("example.org", "mx.example.org", "2001:db8::25"));
  expect_same(route_row("example.org", "mx.example.org", ""));
  expect_same(tlsa_row("_25._tcp.mx.example.org", {3, 1, 1, 0, 255}));
  expect_same(tlsa_row("_25._tcp.mx.example.org", {}));
  expect_same(event_row("example.org"));
  expect_same(tlsrpt_row("example.org"));
  expect_same(reread_row("example.org"));
  expect_same(failure_row("example.org"));
  expect_same(path_verdict("v1", "192.0.2.25"));
  expect_same(path_verdict("v1", "2001:db8::25"));
  expect_same(domain_verdict("v2", "example.org"));
  expect_same(session_verdict("v3"));
  for (const auto table :
       {rows::Table::domain, rows::Table::policy, rows::Table::mx_route, rows::Table::tlsa})
    expect_same(rows::Deletion{.table = table, .tenant = 4'294'967'295, .name = "example.org"});
}

TEST(FeedLine, BringsAwkwardValuesBack) {
  rows::PolicyRow policy = policy_row("xn--bcher-kva.example");
  policy.tenant = 4'294'967'295;
  policy.body = std::string("\0\n\r\t\"\\\x7f/\x01", 9) + "ü\u2028😀</script>";
  policy.max_age = UINT64_MAX;
  policy.valid_from = Time{INT64_MIN};
  policy.valid_to = Time{INT64_MAX};
  policy.fetched_at = Time{-1};
  expect_same(policy, kLastSequence);
  policy.body = std::string(limits::kPolicyBytes, '\x01');
  policy.id = std::string(rows::kWordBytes, '"');
  policy.domain = std::string(rows::kNameBytes, '\x02');
  EXPECT_LT(line_of(policy).size(), kLineBytes);
  expect_same(policy, 0);
  rows::TlsrptRow tlsrpt = tlsrpt_row("example.org");
  tlsrpt.record = std::string(rows::kTlsrptBytes, '\x01');
  tlsrpt.valid_to = std::nullopt;
  EXPECT_LT(line_of(tlsrpt).size(), kLineBytes);
  expect_same(tlsrpt);
  rows::TlsaRow tlsa = tlsa_row(std::string(rows::kNameBytes, '"'), {});
  tlsa.rdata.assign(rows::kTlsaBytes, 0xff);
  expect_same(tlsa);
  expect_same(rows::DomainRow{.name = "a"});
  expect_same(rows::EventRow{.domain = "a"});
}

TEST(FeedLine, ReplacesWhatIsNoUtf8) {
  rows::EventRow event = event_row("example.org");
  event.detail = "a\xff\xc0z";
  const Line line = decode(line_of(event));
  ASSERT_TRUE(line.change);
  EXPECT_EQ(std::get<rows::EventRow>(*line.change).detail, "a\ufffd\ufffdz");
}

TEST(FeedLine, ToleratesWhatALaterVersionAdds) {
  const Line line = decode(
      R"( {"new":[1,{"x":[[]]}],"row":{"later":{},"base":"_25._tcp.a","rdata":""},"table":"tlsa",)"
      R"("op":"put","seq":3,"v":1} )");
  ASSERT_TRUE(line.change);
  EXPECT_EQ(std::get<rows::TlsaRow>(*line.change), (rows::TlsaRow{.base = "_25._tcp.a", .seq = 3}));
}

TEST(FeedLine, IsPassedOverWithItsReason) {
  const auto put = [](const std::string& table, const std::string& row) {
    return R"({"v":1,"seq":5,"op":"put","table":")" + table + R"(","row":)" + row + "}";
  };
  const std::string deep(200'000, '[');
  const std::vector<std::pair<std::string, const char*>> bad = {
      {"", "not-json"},
      {"null", "not-json"},
      {"[]", "not-json"},
      {"{", "not-json"},
      {"{}{}", "not-json"},
      {"{\"v\":1,\"seq\":5,\"op\":\"end\",\"x\":\"\xff\"}", "not-json"},
      {deep, "not-json"},
      {R"({"v":1,"seq":5,"op":"end","x":)" + deep.substr(0, kLineDepth) + "}", "not-json"},
      {std::string(kLineBytes + 1, ' '), "not-json"},
      {R"({"v":1,"seq":1e999,"op":"end"})", "not-json"},
      {"{}", "version"},
      {R"({"v":2,"seq":5,"op":"end"})", "version"},
      {R"({"v":"1","seq":5,"op":"end"})", "version"},
      {R"({"v":1,"op":"end"})", "wrong-type"},
      {R"({"v":1,"seq":-1,"op":"end"})", "wrong-type"},
      {R"({"v":1,"seq":1.5,"op":"end"})", "wrong-type"},
      {R"({"v":1,"seq":9007199254740992,"op":"end"})", "wrong-type"},
      {R"({"v":1,"seq":99999999999999999999999,"op":"end"})", "wrong-type"},
      {R"({"v":1,"seq":5})", "wrong-type"},
      {R"({"v":1,"seq":5,"op":1})", "wrong-type"},
      {R"({"v":1,"seq":5,"op":"patch"})", "unknown-op"},
      {R"({"v":1,"seq":5,"op":"put"})", "wrong-type"},
      {R"({"v":1,"seq":5,"op":"put","table":"domain"})", "wrong-type"},
      {put("domain", "[]"), "wrong-type"},
      {put("dane", "{}"), "unknown-table"},
      {put("domain", "{}"), "wrong-type"},
      {put("domain", R"({"name":""})"), "wrong-type"},
      {put("domain", R"({"name":7})"), "wrong-type"},
      {put("domain", R"({"name":null})"), "wrong-type"},
      {put("domain", R"({"name":"a","tenant":4294967296})"), "wrong-type"},
      {put("domain", R"({"name":"a","fail_count":-1})"), "wrong-type"},
      {put("domain", R"({"name":"a","txt_until":null})"), "wrong-type"},
      {put("domain", R"({"name":"a","txt_until":9223372036854775808})"), "wrong-type"},
      {put("domain", R"({"name":"a","last_asked":1.0})"), "wrong-type"},
      {put("domain", R"({"name":"a","last_asked":-9223372036854775809})"), "wrong-type"},
      {put("domain", R"({"name":")" + std::string(256, 'a') + R"("})"), "over-limit"},
      {put("policy", R"({"name":"a"})"), "wrong-type"},
      {put("policy", R"({"domain":"a","max_age":-1})"), "wrong-type"},
      {put("policy", R"({"domain":"a","body":")" + std::string(65'537, 'a') + R"("})"),
       "over-limit"},
      {put("mx_route", R"({"policy_domain":"a"})"), "wrong-type"},
      {put("mx_route", R"({"policy_domain":"a","mx_host":"b","address":"c"})"), "wrong-type"},
      {put("mx_route", R"({"policy_domain":"a","mx_host":"b","address":""})"), "wrong-type"},
      {put("mx_route", R"({"policy_domain":"a","mx_host":"b","ad":1})"), "wrong-type"},
      {put("tlsa", R"({"base":"a","rdata":"0"})"), "wrong-type"},
      {put("tlsa", R"({"base":"a","rdata":"0x"})"), "wrong-type"},
      {put("tlsa", R"({"base":"a","rdata":"AB"})"), "wrong-type"},
      {put("tlsa", R"({"base":"a","rdata":")" + std::string(2'050, '0') + R"("})"), "over-limit"},
      {R"({"v":1,"seq":5,"op":"del","table":"event","row":{"name":"a"}})", "unknown-table"},
      {R"({"v":1,"seq":5,"op":"del","table":"domain","row":{}})", "wrong-type"},
      {R"({"v":1,"seq":5,"op":"del","table":"domain","row":{"name":"a","tenant":"0"}})",
       "wrong-type"}};
  for (const auto& [text, reason] : bad) {
    const Line line = decode(text);
    EXPECT_EQ(name(line.skip), reason) << text.substr(0, 200);
    EXPECT_FALSE(line.change);
    if (text.find("\"seq\":5") != std::string::npos && line.skip != Skip::not_json &&
        line.skip != Skip::version) {
      EXPECT_EQ(line.seq, 5U) << text.substr(0, 200);
    }
  }
}

TEST(FeedLine, CutsTheDetailOfEvents) {
  rows::EventRow event = event_row("example.org");
  event.detail = std::string(rows::kDetailBytes + 1, 'd');
  const Line line = decode(line_of(event));
  ASSERT_TRUE(line.change);
  EXPECT_EQ(std::get<rows::EventRow>(*line.change).detail.size(), rows::kDetailBytes);
}

TEST(FeedHello, SaysWhereToBegin) {
  EXPECT_EQ(decode_hello(R"({"v":1,"from":0})"), 0U);
  EXPECT_EQ(decode_hello(R"({"v":1,"from":1795000000000000,"who":"map"})"), 1'795'000'000'000'000U);
  EXPECT_EQ(decode_hello(R"({"v":1})"), 0U);
  for (const std::string& bad :
       {std::string(), std::string("{}"), std::string("GET / HTTP/1.1"),
        std::string(R"({"v":2,"from":0})"), std::string(R"({"v":1,"from":"0"})"),
        std::string(R"({"v":1,"from":-1})"), std::string(R"({"v":1,"from":9007199254740992})"),
        R"({"v":1,"from":0})" + std::string(kHelloBytes, ' ')})
    EXPECT_EQ(decode_hello(bad), std::nullopt) << bad;
}

// Rows, damage and resets in one stream: in whatever pieces it comes, the same is read.
TEST(FeedLine, IsTheSameForAnySplit) {
  std::string stream;
  append_reset(stream, 1);
  append_line(stream, domain_row("example.org"));
  append_line(stream, policy_row("example.org", "1", std::string(2'000, '\x01')));
  stream += "garbage\n\n" + std::string(kLineBytes + 5, 'x') + "\n";
  append_line(stream, route_row("example.org", "mx.example.org"));
  append_line(stream, tlsa_row("_25._tcp.mx.example.org", {3, 1, 1}));
  append_end(stream, 9);
  append_line(stream, event_row("example.org"));
  const auto read = [&](const auto& piece) {
    ipc::LineStream lines(kLineBytes);
    std::string said;
    for (std::size_t from = 0; from < stream.size();) {
      const std::size_t size = std::min(piece(), stream.size() - from);
      lines.feed(std::string_view(stream).substr(from, size));
      from += size;
      while (const auto text = lines.next()) {
        const Line line = decode(*text);
        said += std::string(name(line.skip)) + std::to_string(line.seq) + '\n';
        if (line.change) append_line(said, *line.change);
      }
    }
    return said + std::to_string(lines.too_long());
  };
  const std::string whole = read([&] { return stream.size(); });
  EXPECT_EQ(std::ranges::count(whole, '\n'), 9 + 5);
  std::mt19937 random(26);
  for (int round = 0; round < 50; ++round)
    EXPECT_EQ(read([&] { return std::size_t{1} + random() % 5'000; }), whole);
  EXPECT_EQ(read([] { return std::size_t{1}; }), whole);
}

TEST(FeedLine, BringsBackTheVariantsOfTheLaterTables) {
  for (const auto table : {rows::Table::tlsrpt, rows::Table::reread})
    expect_same(rows::Deletion{.table = table, .name = "example.org"});
  rows::TlsrptRow record = tlsrpt_row("example.org");
  record.seq = 3;
  rows::RereadRow reread = reread_row("example.org");
  reread.seq = 4;
  for (const rows::Change& change : {rows::Change(record), rows::Change(reread)}) {
    std::string text;
    append_line(text, change);
    const Line line = decode(std::string_view(text).substr(0, text.size() - 1));
    ASSERT_TRUE(line.change) << text;
    EXPECT_EQ(*line.change, change) << text;
  }
}

TEST(FeedLine, SaysHowManyPutsBelongToADeletion) {
  std::string text;
  append_line(text, rows::Deletion{.table = rows::Table::mx_route, .name = "a", .seq = 5}, 3);
  EXPECT_EQ(text, R"({"v":1,"seq":5,"op":"del","table":"mx_route","row":{"tenant":0,"name":"a"},)"
                  R"("puts":3})"
                  "\n");
  text.pop_back();
  EXPECT_EQ(decode(text).puts, 3U);
  for (const char* const odd : {"-1", "1025", "\"3\"", "null", "3.0"}) {
    std::string other = text;
    other.replace(other.find(":3}"), 2, std::string(":") + odd);
    EXPECT_EQ(decode(other).puts, 0U) << other;
    EXPECT_TRUE(decode(other).change) << other;
  }
}

TEST(FeedLine, WritesAVerdictWithItsSubjectBesideIt) {
  rows::VerdictRow verdict = path_verdict("v1", "192.0.2.25");
  verdict.seq = 16;
  EXPECT_EQ(line_of(verdict),
            R"({"v":1,"seq":16,"op":"put","table":"verdict","row":{"id":"v1","origin":"sensor-a",)"
            R"("tenant":0,"rule":"R02","severity":"critical","subject":"path",)"
            R"("egress_ip":"198.51.100.1","mx_ip":"192.0.2.25","mx_host":"mx.example.org",)"
            R"("policy_domain":"example.org","domain_basis":"rcpt","policy_id":"1",)"
            R"("first_seen":1795000000000000000,"last_seen":1795000060000000000,)"
            R"("expires":1795000960000000000,"count":2,"state":"active","evidence_ref":"e1"}})");
}

TEST(FeedLine, IsNoVerdictWithoutWhatItIsAbout) {
  const auto put = [](const std::string& row) {
    return R"({"v":1,"seq":5,"op":"put","table":"verdict","row":)" + row + "}";
  };
  const std::vector<std::pair<std::string, const char*>> bad = {
      {put("{}"), "wrong-type"},
      {put(R"({"id":"1","rule":"R02"})"), "wrong-type"},
      {put(R"({"id":"1","rule":"R02","subject":"planet","domain":"a"})"), "wrong-type"},
      {put(R"({"id":"1","rule":"R02","subject":"path","domain":"a"})"), "wrong-type"},
      {put(R"({"id":"1","rule":"R02","subject":"path","mx_ip":7})"), "wrong-type"},
      {put(R"({"id":"","rule":"R02","subject":"domain","domain":"a"})"), "wrong-type"},
      {put(R"({"id":"1","rule":"","subject":"domain","domain":"a"})"), "wrong-type"},
      {put(R"({"id":"1","rule":"R02","subject":"domain","domain":""})"), "wrong-type"},
      {put(R"({"id":"1","rule":"R13","subject":"session","client_ip":"192.0.2.1",)"
           R"("client_port":65536,"server_ip":"192.0.2.2","server_port":25,"start":1})"),
       "wrong-type"},
      {put(R"({"id":"1","rule":"R13","subject":"session","client_ip":"192.0.2.1",)"
           R"("client_port":1,"server_ip":"192.0.2.2","server_port":25})"),
       "wrong-type"},
      {put(R"({"id":")" + std::string(129, 'a') +
           R"(","rule":"R02","subject":"domain","domain":"a"})"),
       "over-limit"}};
  for (const auto& [text, reason] : bad) {
    const Line line = decode(text);
    EXPECT_EQ(name(line.skip), reason) << text;
    EXPECT_FALSE(line.change) << text;
    EXPECT_EQ(line.seq, 5U) << text;
  }
}

// What is not known to stand must not act.
TEST(FeedLine, TakesAVerdictWithoutAStateWeKnowAsVoid) {
  const std::string begin =
      R"({"v":1,"seq":4,"op":"put","table":"verdict","row":{"id":"1","rule":"R02",)"
      R"("subject":"domain","domain":"a")";
  for (const char* const state : {"", R"(,"state":"")", R"(,"state":"suspended")"}) {
    const Line line = decode(begin + state + "}}");
    ASSERT_TRUE(line.change) << state;
    EXPECT_EQ(std::get<rows::VerdictRow>(*line.change).state, rows::VerdictState::voided) << state;
  }
  const Line active = decode(begin + R"(,"state":"active"}})");
  ASSERT_TRUE(active.change);
  EXPECT_EQ(std::get<rows::VerdictRow>(*active.change).state, rows::VerdictState::active);
}

// The last of a name counts, wherever the row stands, as with the trees of other libraries.
TEST(FeedLine, TakesTheLastOfAName) {
  const Line line = decode(
      R"({"row":{"base":1},"v":2,"table":"domain","op":"end","op":"put","row":{"base":7,)"
      R"("rdata":"0102","base":"a","rdata":"03"},"seq":"1","v":1,"seq":4,"\u0074able":"tl\u0073a"})");
  ASSERT_TRUE(line.change);
  EXPECT_EQ(std::get<rows::TlsaRow>(*line.change),
            (rows::TlsaRow{.base = "a", .rdata = {3}, .seq = 4}));
  EXPECT_EQ(name(decode(R"({"v":1,"seq":4,"op":"put","table":"tlsa",)"
                        R"("row":{"base":"a","base":7}})")
                     .skip),
            "wrong-type");
}

}  // namespace
}  // namespace mxw::feed
