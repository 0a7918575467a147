// What core/dns promises: messages are read as RFC 1035 writes them, and no message, however it
// lies about its names, counts and lengths, makes it loop, grow or read what is not there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "core/base/limits.hpp"
#include "core/dns/message.hpp"

namespace mxw::dns {
namespace {

using namespace std::string_view_literals;
using testing::ElementsAre;

constexpr std::size_t kFirstName = 12;  // offset of the first name, behind the header

constexpr std::uint16_t number(Type type) {
  return static_cast<std::uint16_t>(type);
}

// A message written octet by octet.
class Wire {
 public:
  Wire(unsigned flags, unsigned qd, unsigned an, unsigned ns, unsigned ar) {
    u16(0x1234).u16(flags).u16(qd).u16(an).u16(ns).u16(ar);
  }
  Wire& u8(unsigned v) {
    bytes_.push_back(static_cast<std::uint8_t>(v));
    return *this;
  }
  Wire& u16(unsigned v) { return u8(v >> 8 & 0xff).u8(v & 0xff); }
  Wire& u32(std::uint32_t v) { return u16(v >> 16).u16(v & 0xffff); }
  Wire& raw(std::string_view text) {
    const Bytes run = as_bytes(text);
    bytes_.insert(bytes_.end(), run.begin(), run.end());
    return *this;
  }
  Wire& label(std::string_view text) { return u8(static_cast<unsigned>(text.size())).raw(text); }
  Wire& name(std::string_view text) {
    while (!text.empty()) {
      const auto dot = text.find('.');
      label(text.substr(0, dot));
      text = dot == std::string_view::npos ? "" : text.substr(dot + 1);
    }
    return u8(0);
  }
  Wire& pointer(std::size_t to) { return u16(0xc000U | static_cast<unsigned>(to)); }
  Wire& fixed(Type type, std::size_t rdlength, unsigned klass = 1, std::uint32_t ttl = 300) {
    return u16(number(type)).u16(klass).u32(ttl).u16(static_cast<unsigned>(rdlength));
  }
  Wire& question(std::string_view text, Type type) { return name(text).u16(number(type)).u16(1); }

  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] Bytes bytes() const { return bytes_; }
  [[nodiscard]] Message parse() const { return dns::parse(bytes_).value(); }

 private:
  std::vector<std::uint8_t> bytes_;
};

// The answer to `example.org MX`: the name once, pointers from there on, every section and type
// used.
Wire whole_answer() {
  Wire wire(0x8580, 1, 4, 1, 4);
  wire.question("Example.ORG", Type::mx);
  wire.pointer(kFirstName).fixed(Type::mx, 8).u16(10).label("Mx1").pointer(kFirstName);
  wire.pointer(kFirstName).fixed(Type::mx, 3).u16(0).u8(0);
  wire.pointer(kFirstName).fixed(Type::cname, 15).name("alias.example");
  wire.pointer(kFirstName).fixed(Type::txt, 12).label("v=STSv").label("1;a").label("");
  wire.pointer(kFirstName).fixed(Type::ns, 6).label("ns1").pointer(kFirstName);
  wire.name("a.test").fixed(Type::a, 4).raw("\xc0\0\x02\x07"sv);
  wire.name("a.test").fixed(Type::aaaa, 16).raw("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"sv);
  wire.name("_25._tcp.a.test").fixed(Type::tlsa, 5).raw("\x03\x01\x01\xab\xcd");
  wire.u8(0).fixed(Type::opt, 0, 1232, 0x01008000);
  return wire;
}

std::vector<std::string> texts(const std::vector<Record>& records) {
  std::vector<std::string> lines;
  for (const Record& r : records)
    lines.push_back(r.name + ' ' + type_name(r.type) + ' ' + rdata_text(r));
  return lines;
}

TEST(DnsMessage, ReadsAWholeAnswer) {
  const Message m = whole_answer().parse();
  EXPECT_EQ(m.defect, Defect::none);
  ASSERT_EQ(m.questions.size(), 1U);
  EXPECT_EQ(m.questions[0].name, "example.org");
  EXPECT_EQ(m.questions[0].type, number(Type::mx));
  EXPECT_EQ(m.questions[0].klass, 1);
  EXPECT_THAT(texts(m.answers),
              ElementsAre("example.org MX 10 mx1.example.org", "example.org MX 0 .",
                          "example.org CNAME alias.example", "example.org TXT v=STSv1;a"));
  EXPECT_THAT(texts(m.authority), ElementsAre("example.org NS ns1.example.org"));
  EXPECT_THAT(texts(m.additional), ElementsAre("a.test A 192.0.2.7", "a.test AAAA 2001:db8::1",
                                               "_25._tcp.a.test TLSA 3 1 1 abcd", ". OPT "));
  EXPECT_EQ(m.answers[0].ttl, 300U);
  EXPECT_EQ(std::get<Mx>(m.answers[0].data), (Mx{10, "mx1.example.org"}));
  EXPECT_EQ(std::get<Txt>(m.answers[3].data).strings.size(), 3U);
  EXPECT_EQ(std::get<Tlsa>(m.additional[2].data), (Tlsa{3, 1, 1, {0xab, 0xcd}}));
  EXPECT_EQ(rcode_name(m.rcode), "BADVERS") << "the upper bits stand in OPT";
}

TEST(DnsMessage, ReadsTheFlags) {
  const Message m = Wire(0x85b3, 0, 0, 0, 0).parse();
  EXPECT_EQ(m.id, 0x1234);
  EXPECT_TRUE(m.response && m.aa && m.rd && m.ra && m.ad && m.cd);
  EXPECT_FALSE(m.tc);
  EXPECT_EQ(rcode_name(m.rcode), "NXDOMAIN");
  const Message query = Wire(0x2a00, 0, 0, 0, 0).parse();
  EXPECT_FALSE(query.response || query.aa || query.rd || query.ra || query.ad || query.cd);
  EXPECT_TRUE(query.tc);
  EXPECT_EQ(query.opcode, 5);
}

TEST(DnsMessage, OnlyAMissingHeaderIsNoMessage) {
  const Wire wire = whole_answer();
  for (std::size_t n = 0; n < 12; ++n) EXPECT_FALSE(parse(wire.bytes().first(n))) << n;
  EXPECT_TRUE(parse(wire.bytes().first(12)));
}

TEST(DnsMessage, EveryCutKeepsWhatStoodBeforeIt) {
  const Wire wire = whole_answer();
  const auto whole = texts(wire.parse().answers);
  std::size_t before = 0;
  for (std::size_t n = 12; n < wire.size(); ++n) {
    const Message m = parse(wire.bytes().first(n)).value();
    EXPECT_EQ(m.defect, Defect::truncated) << n;
    const auto kept = texts(m.answers);
    EXPECT_GE(kept.size(), before) << n;
    EXPECT_TRUE(std::equal(kept.begin(), kept.end(), whole.begin())) << n;
    before = kept.size();
  }
  EXPECT_EQ(before, whole.size());
}

TEST(DnsMessage, OctetsBehindTheLastRecordAreIgnored) {
  const Message m =
      Wire(0x8000, 1, 0, 0, 0).question("a.test", Type::a).raw("\xff\xff\xff").parse();
  EXPECT_EQ(m.defect, Defect::none);
  EXPECT_EQ(m.questions.size(), 1U);
}

Message name_only(const std::function<void(Wire&)>& write) {
  Wire wire(0, 1, 0, 0, 0);
  write(wire);
  return wire.u16(1).u16(1).parse();
}

std::string read(const std::function<void(Wire&)>& write) {
  const Message m = name_only(write);
  return m.questions.empty() ? "defect " + std::to_string(static_cast<int>(m.defect))
                             : m.questions[0].name;
}

TEST(DnsName, IsWrittenWithoutAmbiguity) {
  EXPECT_EQ(read([](Wire& w) { w.u8(0); }), ".");
  EXPECT_EQ(read([](Wire& w) { w.label("A.b").label("C").u8(0); }), "a\\.b.c");
  EXPECT_EQ(read([](Wire& w) { w.label("a\\b").u8(0); }), "a\\\\b");
  EXPECT_EQ(read([](Wire& w) { w.label("a b\0\x7f\xff"sv).u8(0); }), "a\\032b\\000\\127\\255");
  EXPECT_EQ(read([](Wire& w) { w.label("_25").label("_TCP").u8(0); }), "_25._tcp");
}

TEST(DnsName, EndsAtTwoHundredFiftyFiveOctets) {
  const std::string label(63, 'x');
  const auto name_of = [&](std::size_t last) {
    return [&label, last](Wire& w) {
      for (int i = 0; i < 3; ++i) w.label(label);
      w.label(std::string(last, 'y')).u8(0);
    };
  };
  EXPECT_EQ(read(name_of(61)).size(), 253U);
  EXPECT_EQ(name_only(name_of(62)).defect, Defect::bad_name);
  const std::string all_escaped = read([](Wire& w) {
    for (int i = 0; i < 3; ++i) w.label(std::string(63, '\xff'));
    w.label(std::string(61, '\xff')).u8(0);
  });
  EXPECT_EQ(all_escaped.size(), 250U * 4 + 3);
}

TEST(DnsName, HostileCompressionIsABadName) {
  const auto defect = [](const std::function<void(Wire&)>& write) {
    return name_only(write).defect;
  };
  EXPECT_EQ(defect([](Wire& w) { w.pointer(12); }), Defect::bad_name) << "to itself";
  EXPECT_EQ(defect([](Wire& w) { w.pointer(14); }), Defect::bad_name) << "forwards";
  EXPECT_EQ(defect([](Wire& w) { w.label("a").pointer(12); }), Defect::bad_name)
      << "round and round";
  EXPECT_EQ(defect([](Wire& w) { w.label("a").pointer(14); }), Defect::bad_name)
      << "its own pointer";
  EXPECT_EQ(defect([](Wire& w) { w.pointer(0); }), Defect::bad_name) << "into the header";
  EXPECT_EQ(defect([](Wire& w) { w.pointer(0x3fff); }), Defect::bad_name) << "past the end";
  EXPECT_EQ(defect([](Wire& w) { w.u8(0x40); }), Defect::bad_name) << "extended label type";
  EXPECT_EQ(defect([](Wire& w) { w.u8(0x80); }), Defect::bad_name) << "reserved label type";
}

// Questions whose names each point to the one before: the n-th follows n pointers.
TEST(DnsName, JumpsAreCounted) {
  constexpr std::size_t kNames = limits::kDnsCompressionJumps + 2;
  Wire wire(0, kNames, 0, 0, 0);
  std::size_t before = wire.size();
  wire.question("a", Type::a);
  for (std::size_t n = 1; n < kNames; ++n) {
    const std::size_t here = wire.size();
    wire.pointer(before).u16(number(Type::a)).u16(1);
    before = here;
  }
  const Message m = wire.parse();
  EXPECT_EQ(m.defect, Defect::bad_name);
  ASSERT_EQ(m.questions.size(), limits::kDnsCompressionJumps + 1) << "what was read before stays";
  EXPECT_EQ(m.questions.back().name, "a");
}

// One good record, then one whose rdata is `rdata` under an rdlength of `rdlength`.
Message lie(Type type, std::size_t rdlength, std::string_view rdata) {
  Wire wire(0x8000, 0, 3, 0, 0);
  wire.name("a.test").fixed(Type::a, 4).raw("\xc0\0\x02\x01"sv);
  wire.name("b.test").fixed(type, rdlength).raw(rdata);
  wire.name("c.test").fixed(Type::a, 4).raw("\xc0\0\x02\x02"sv);
  return wire.parse();
}

TEST(DnsRecord, OneThatLiesAboutItsLengthIsADefectAndTheOnesBeforeStay) {
  const struct {
    Type type;
    std::string_view rdata;
  } bad[] = {
      {Type::a, "\x01\x02\x03"},
      {Type::a, ""},
      {Type::a, "\x01\x02\x03\x04\x05"},
      {Type::aaaa, "\x01\x02\x03\x04"},
      {Type::mx, "\x01"},
      {Type::mx, ""},
      {Type::mx, "\0\x0a\x01m\0\0"sv},
      {Type::cname, "\x01m\0\0"sv},
      {Type::ns, "\xc0\x0c\0"sv},
      {Type::txt, ""},
      {Type::txt,
       "\x05"
       "abc"},
      {Type::txt,
       "\x01"
       "a\x09"},
      {Type::tlsa, "\x03\x01"},
  };
  for (const auto& row : bad) {
    const Message m = lie(row.type, row.rdata.size(), row.rdata);
    EXPECT_EQ(m.defect, Defect::bad_record) << type_name(number(row.type)) << row.rdata.size();
    EXPECT_THAT(texts(m.answers), ElementsAre("a.test A 192.0.2.1"));
  }
}

TEST(DnsRecord, ANameMayNotRunOutOfItsRecord) {
  const Message m = lie(Type::cname, 3, "\x01m\x01n\0"sv);
  EXPECT_EQ(m.defect, Defect::bad_record);
  EXPECT_EQ(m.answers.size(), 1U);
}

TEST(DnsRecord, LengthBeyondTheMessageIsTruncation) {
  const Message m = lie(Type::txt, 65'535, "\x01x");
  EXPECT_EQ(m.defect, Defect::truncated);
  EXPECT_EQ(m.answers.size(), 1U);
}

TEST(DnsRecord, OtherTypesAndClassesArePassedOver) {
  Wire wire(0x8000, 0, 3, 0, 0);
  wire.name("a.test").fixed(Type::soa, 3).raw("\xff\xff\xff");
  wire.name("a.test").fixed(Type::a, 3, 3).raw("\x01\x02\x03");
  wire.name("b.test").fixed(Type::a, 4).raw("\xc0\0\x02\x02"sv);
  const Message m = wire.parse();
  EXPECT_EQ(m.defect, Defect::none);
  EXPECT_THAT(texts(m.answers), ElementsAre("a.test SOA ", "a.test A ", "b.test A 192.0.2.2"));
  EXPECT_TRUE(std::holds_alternative<std::monostate>(m.answers[1].data)) << "CHAOS, not IN";
}

TEST(DnsRecord, CountsAreTheSendersWordOnly) {
  const Message m = Wire(0x8000, 0, 65'535, 65'535, 65'535).parse();
  EXPECT_EQ(m.defect, Defect::truncated);
  EXPECT_EQ(m.answers.capacity(), 0U);
}

TEST(DnsRecord, NoMoreThanTheLimitIsKept) {
  const auto flood = [](std::size_t questions, std::size_t answers) {
    Wire wire(0x8000, static_cast<unsigned>(questions), static_cast<unsigned>(answers), 0, 0);
    for (std::size_t i = 0; i < questions; ++i) wire.question("a", Type::a);
    for (std::size_t i = 0; i < answers; ++i) wire.u8(0).fixed(Type::soa, 0);
    return wire.parse();
  };
  const Message most = flood(1, limits::kDnsRecords - 1);
  EXPECT_EQ(most.defect, Defect::none);
  EXPECT_EQ(most.answers.size(), limits::kDnsRecords - 1);
  const Message over = flood(1, limits::kDnsRecords);
  EXPECT_EQ(over.defect, Defect::too_many_records);
  EXPECT_EQ(over.answers.size(), limits::kDnsRecords - 1);
  EXPECT_EQ(flood(limits::kDnsRecords + 1, 0).questions.size(), limits::kDnsRecords);
}

TEST(DnsMessage, IsTotalOnDamagedOctets) {
  const Wire wire = whole_answer();
  std::mt19937 random(1035);
  for (int round = 0; round < 50'000; ++round) {
    std::vector<std::uint8_t> bytes(wire.bytes().begin(), wire.bytes().end());
    for (auto n = random() % 8; n > 0; --n)
      bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
    bytes.resize(12 + random() % (bytes.size() - 11));
    const Message m = parse(bytes).value();
    for (const auto* section : {&m.answers, &m.authority, &m.additional})
      for (const Record& r : *section) EXPECT_LE(r.name.size(), 1'003U) << rdata_text(r);
  }
}

TEST(DnsText, NumbersWithoutANameAreWrittenAsNumbers) {
  EXPECT_EQ(type_name(52), "TLSA");
  EXPECT_EQ(type_name(65'280), "TYPE65280");
  EXPECT_EQ(rcode_name(0), "NOERROR");
  EXPECT_EQ(rcode_name(2), "SERVFAIL");
  EXPECT_EQ(rcode_name(3'841), "RCODE3841");
}

}  // namespace
}  // namespace mxw::dns
