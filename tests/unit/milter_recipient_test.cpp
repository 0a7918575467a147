// What a RCPT says, as Postfix 3.7 and Sendmail 8.17 send it, and as they do not.
#include "milter/recipient.hpp"

#include <gtest/gtest.h>

namespace mxw::milter {
namespace {

struct Row {
  const char* argument;
  RcptMacros macros;
  const char* domain;
  bool named, ours, smart_host;
};

const Row kRows[] = {
    // Postfix, to the world.
    {"<x@remote.test>",
     {"smtp", "remote.test", "x@remote.test"},
     "remote.test",
     true,
     false,
     false},
    {"<plus+tag@Sub.STS.test>",
     {"smtp", "sub.sts.test", "plus+tag@sub.sts.test"},
     "sub.sts.test",
     true,
     false,
     false},
    {"<\"quoted user\"@sts.test>",
     {"smtp", "sts.test", "\"quoted user\"@sts.test"},
     "sts.test",
     true,
     false,
     false},
    {"<\"quoted user\"@sts.test>",
     {"smtp", "sts.test", "quoted user@sts.test"},
     "sts.test",
     true,
     false,
     false},
    {"<\"a@b.test\"@sts.test>",
     {"smtp", "sts.test", "\"a@b.test\"@sts.test"},
     "sts.test",
     true,
     false,
     false},
    {"<x@a.test>", {"smtp", "b.test", "x@b.test"}, "b.test", true, false, false},  // rewritten
    {"<x@a.test>", {"smtp", "A.TEST:25", "x@a.test"}, "a.test", true, false, false},
    {"<x@a.test>", {"smtp", "a.test:smtp", "x@a.test"}, "a.test", true, false, false},
    // Smart hosts.
    {"<x@a.test>", {"smtp", "[smart.test]:587", "x@a.test"}, "a.test", true, false, true},
    {"<x@a.test>", {"smtp", "[a.test]", "x@a.test"}, "a.test", true, false, true},
    {"<x@a.test>", {"smtp", "smart.test", "x@a.test"}, "a.test", true, false, true},
    {"<x@a.test>", {"smtp", "a.test:587", "x@a.test"}, "a.test", true, false, true},
    {"<x@a.test>", {"esmtp", "a.test:b.test", "x@a.test"}, "a.test", true, false, true},
    {"<x@a.test>", {"relay", "unix:private/filter", "x@a.test"}, "a.test", true, false, true},
    // Delivered here, or refused.
    {"<x@b.test>", {"discard", "local", "x@b.test"}, "b.test", true, true, true},
    {"<x@b.test>", {"local", "", "x@b.test"}, "b.test", true, true, true},
    {"<x@b.test>", {"virtual", "b.test", "x@b.test"}, "b.test", true, true, false},
    {"<x@b.test>", {"dovecot", "b.test", "x@b.test"}, "b.test", true, true, false},
    {"<x@b.test>", {"ERROR", "4.7.1", "Relay access denied"}, "b.test", true, true, true},
    {"<x@b.test>", {"error", "4.7.1", "x@b.test not wanted@c.test"}, "b.test", true, true, true},
    // Local injection: no macros but the address, no brackets.
    {"y@remote.test", {"", "", "y@remote.test"}, "remote.test", true, true, true},
    {"y@remote.test", {}, "remote.test", true, true, true},
    // Sendmail: final dots.
    {"<x@b.test>", {"esmtp", "b.test.", "x@b.test"}, "b.test", true, false, false},
    {"<x@b.test>", {"esmtp", "b.test.", "x@b.test."}, "b.test", true, false, false},
    {"<x@b.test>", {"esmtp", "[192.0.2.9]", "x@b.test"}, "b.test", true, false, true},
    // Routes, percent, bang.
    {"<@a.test,@b.test:x@c.test>", {"smtp", "c.test", ""}, "c.test", true, false, false},
    {"<x%d.test@c.test>", {"smtp", "c.test", "x%d.test@c.test"}, "c.test", true, false, false},
    {"<a!b!x@c.test>", {"smtp", "c.test", ""}, "c.test", true, false, false},
    // No names.
    {"<y@[10.9.9.9]>", {"smtp", "[10.9.9.9]", "y@[10.9.9.9]"}, "[10.9.9.9]", false, false, false},
    {"<y@[IPv6:2001:db8::1]>",
     {"smtp", "[smart.test]", ""},
     "[ipv6:2001:db8::1]",
     false,
     false,
     false},
    {"<postmaster>", {"smtp", "b.test", "postmaster"}, "", false, true, false},
    {"<>", {"smtp", "b.test", ""}, "", false, true, false},
    {"", {"smtp", "b.test", "@"}, "", false, true, false},
    // U-labels (RFC 6531): as A-labels, on either side.
    {"<\xc3\xbc@b\xc3\xbc"
     "cher.test>",
     {"smtp",
      "b\xc3\xbc"
      "cher.test",
      ""},
     "xn--bcher-kva.test",
     true,
     false,
     false},
    {"<x@xn--bcher-kva.test>",
     {"smtp",
      "B\xc3\x9c"
      "CHER.test",
      ""},
     "xn--bcher-kva.test",
     true,
     false,
     false},
    // What is neither name nor literal may be a piece of a local part.
    {"<x@b\xff.test>", {"smtp", "b\xff.test", ""}, "", false, false, false},
    {"<x@%s.test>", {"smtp", "%s.test", "x@%s.test"}, "", false, false, false},
    {"<x@[y z]>", {"smtp", "b.test", "x@[y z]"}, "", false, false, false},
    {"<x@[192.0.2.300]>", {"smtp", "b.test", ""}, "", false, false, false},
    {"<\"x@secret\">", {"smtp", "b.test", "\"x@secret\""}, "", false, true, false},
    {"<\"x@secret\">", {"smtp", "b.test", "x@secret"}, "", false, true, false},
    {"<\"x@secret\"@b.test>", {"smtp", "b.test", "\"x@secret\""}, "b.test", true, false, false},
    {"<\"x@secret\"@b.test>", {"smtp", "b.test", "x@secret@b.test"}, "b.test", true, false, false},
    {"<\"x\\\"@secret\"@b.test>",
     {"smtp", "b.test", "\"x\\\"@secret\"@b.test"},
     "b.test",
     true,
     false,
     false},
    {"<x@b.test>", {"smtp", "b.test", "\"x@secret"}, "b.test", true, false, false},
};

TEST(MilterRecipient, IsReadAsTheMtaMeansIt) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(std::string(row.argument) + ' ' + std::string(row.macros.host));
    const Recipient recipient = read_recipient(row.argument, row.macros);
    EXPECT_EQ(recipient.domain, row.domain);
    EXPECT_EQ(recipient.named, row.named);
    EXPECT_EQ(recipient.ours, row.ours);
    if (!row.ours) EXPECT_EQ(recipient.smart_host, row.smart_host);
  }
}

TEST(MilterRecipient, LongOnesAreBounded) {
  const std::string longs(100'000, 'a');
  const Recipient recipient =
      read_recipient("<" + longs + "@" + longs + ">", {"smtp", longs, longs + "@" + longs});
  EXPECT_FALSE(recipient.named);
  EXPECT_LE(recipient.domain.size(), 255U);
}

TEST(MilterRecipient, TwoPeopleAreTwoAddresses) {
  const RcptMacros none;
  EXPECT_NE(read_recipient("<a@example.org>", none).address,
            read_recipient("<b@example.org>", none).address);
  EXPECT_EQ(read_recipient("<a@Example.org>", none).address,
            read_recipient("<a@example.org>", {"smtp", "x", "a@example.org"}).address);
  EXPECT_EQ(read_sender("<a@Example.org>"), "a@example.org");
  EXPECT_EQ(read_sender("root@b.test"), "root@b.test");  // local injection
  EXPECT_EQ(read_sender("<postmaster>"), "postmaster@");
  for (const char* nobody : {"<>", "", " <> ", "< >"}) EXPECT_EQ(read_sender(nobody), "") << nobody;
}

}  // namespace
}  // namespace mxw::milter
