// The contract of semantics 12, "as shipped the milter never", held against a session in every
// role, under every state of knowledge, with hostile input at every stage.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "milter/auth_results.hpp"
#include "tests/unit/milter_support.hpp"

namespace mxw::milter {
namespace {

constexpr const char* kSecret = "s3cr3t-local-part";

struct Client {
  const char* what;
  const char* address;
  std::uint16_t port;
  const char* auth;
  Role role;
};
const Client kClients[] = {
    {"inbound", "203.0.113.9", 4711, "", Role::inbound},
    {"inbound, IPv6", "2001:db8::9", 4711, "", Role::inbound},
    {"relay", "192.0.2.9", 4711, "", Role::relay},
    {"submission", "203.0.113.9", 4711, "PLAIN", Role::submission},
    {"local", "127.0.0.1", 0, "", Role::local},
    {"no address", "", 0, "", Role::local},
};
const char* const kSenders[] = {"<s3cr3t-local-part@a.test>",
                                "<>",
                                "s3cr3t-local-part@a.test",
                                "<\"s3cr3t-local-part\"@a.test>",
                                "<@x,@y:s3cr3t-local-part@a.test>",
                                "garbage",
                                ""};
const char* const kRecipients[] = {"s3cr3t-local-part@b.test",
                                   "\"s3cr3t-local-part@x\"@b.test",
                                   "\"x@s3cr3t-local-part\"@b.test",
                                   "\"x@s3cr3t-local-part\"",
                                   "\"x@s3cr3t-local-part",
                                   "\"x\\\"@s3cr3t-local-part\"@b.test",
                                   "x@[s3cr3t-local-part]",
                                   "x@y s3cr3t-local-part",
                                   "s3cr3t-local-part@[192.0.2.4]",
                                   "s3cr3t-local-part",
                                   "s3cr3t-local-part@b\xc3\xbc"
                                   "cher.test",
                                   "s3cr3t-local-part@%s%n.test",
                                   "@b.test:s3cr3t-local-part@c.test"};

std::vector<DomainPath> every_path() {
  std::vector<DomainPath> paths;
  for (unsigned state = 0; state < 8; ++state) {
    for (const auto protection :
         {policy::Protection::none, policy::Protection::sts_testing,
          policy::Protection::sts_enforce, policy::Protection::dane, policy::Protection::pin}) {
      DomainPath path = blocked_path(protection);
      path.state = static_cast<PathState>(state);
      paths.push_back(path);
    }
  }
  return paths;
}

// The configuration as shipped, but for the network that makes a client a relay.
config::Milter by_default() {
  config::Milter milter;
  milter.trusted_networks = {*Cidr::parse("192.0.2.0/24")};
  return milter;
}

std::string all_text(const FakeRecorder& recorder) {
  std::string text;
  for (const DecisionNote& note : recorder.decisions) {
    for (const std::string& part :
         {note.queue_id, note.listener, note.domain, note.tls.version, note.tls.cipher,
          note.tls.bits, note.x_tls, note.x_mta_sts, note.session_verdict, note.session_rule,
          note.path.domain, note.path.policy_id, note.path.rule})
      text += part + '\n';
  }
  for (const MessageNote& note : recorder.messages) text += note.queue_id + '\n';
  for (const auto& id : recorder.ids) text += id.id + '\n';
  return text;
}

// One message; what came of it is checked by the caller.
struct Outcome {
  std::vector<Reply> replies;
  Edits edits;
};
Outcome run(Mta& mta, const Client& client, const char* sender) {
  Outcome outcome;
  Connect from{"client.a.test", {}};
  if (*client.address != '\0')
    from.client = Endpoint{*IpAddress::parse(client.address), client.port};
  outcome.replies.push_back(mta.session->connect(
      from, FakeMacros{{"j", "mx1.b.test"}, {"{daemon_addr}", "198.51.100.2"}}));
  outcome.replies.push_back(mta.session->helo(std::string(3'000, 'h'), FakeMacros()));
  outcome.replies.push_back(mta.mail(sender, {{"{auth_type}", client.auth}}));
  for (const char* recipient : kRecipients) outcome.replies.push_back(mta.rcpt(recipient));
  mta.headers = {{"Authentication-Results", "mx1.b.test; x-tls=pass (s3cr3t-local-part@a.test)"},
                 {"Authentication-Results", "mx1.b.test; dkim=pass header.i=@a.test"},
                 {"Authentication-Results", "elsewhere.test; x-tls=pass"},
                 {"Subject", "s3cr3t-local-part@a.test"},
                 {"TLS-Required", "No"},
                 {std::string(2'000, 'n'), std::string(9'000, 'v')}};
  outcome.edits = mta.end();
  return outcome;
}

void each_case(const config::Milter& milter, bool broken,
               const std::function<void(const Client&, const char*, Mta&, Outcome)>& check) {
  for (const Client& client : kClients) {
    for (const char* sender : kSenders) {
      for (const DomainPath& path : every_path()) {
        Mta mta(milter);
        mta.lookup.broken = broken;
        mta.lookup.verdict = SessionVerdict{"v7", "R13", "b.test", "1"};
        for (const char* domain : {"b.test", "c.test", "xn--bcher-kva.test"})
          mta.lookup.paths[domain] = path;
        check(client, sender, mta, run(mta, client, sender));
      }
    }
  }
}

TEST(MilterNever, ByDefaultNoReplyStopsMail) {
  for (const bool broken : {false, true}) {
    each_case(by_default(), broken, [](const Client& client, const char*, Mta&, Outcome outcome) {
      outcome.replies.push_back(outcome.edits.reply);
      for (const Reply& reply : outcome.replies) {
        ASSERT_EQ(reply.kind, Reply::Kind::go_on) << client.what;
        ASSERT_EQ(reply.code + reply.enhanced + reply.text, "");
      }
      ASSERT_FALSE(outcome.edits.quarantine) << client.what;
    });
  }
}

TEST(MilterNever, HeadersChangeOnlyOnInbound) {
  each_case(by_default(), false, [](const Client& client, const char*, Mta& mta, Outcome outcome) {
    ASSERT_EQ(mta.session->role(), client.role) << client.what;
    if (client.role != Role::inbound) {
      ASSERT_FALSE(outcome.edits.authentication_results) << client.what;
      ASSERT_TRUE(outcome.edits.changed.empty()) << client.what;
      return;
    }
    ASSERT_TRUE(outcome.edits.authentication_results);
    ASSERT_EQ(outcome.edits.changed.size(), 1U);
    ASSERT_EQ(outcome.edits.changed[0].index, 1U);
    ASSERT_EQ(outcome.edits.changed[0].value, "");
  });
}

// Whatever is switched on.
TEST(MilterNever, ADeferralIsTransientAndOnlyForPeersThatQueue) {
  config::Milter milter = deferring();
  milter.overrides = {{{}, {}, Action::defer}};
  milter.defer.min_count = 1'000;
  std::size_t deferred = 0;
  each_case(milter, false, [&](const Client& client, const char* sender, Mta&, Outcome outcome) {
    for (const Reply& reply : outcome.replies) {
      if (reply.kind == Reply::Kind::go_on) continue;
      ++deferred;
      ASSERT_EQ(client.role, Role::relay) << client.what;
      ASSERT_STRNE(sender, "<>");
      ASSERT_STRNE(sender, "");
      ASSERT_EQ(reply.code, "451");
      ASSERT_TRUE(reply.enhanced == "4.7.4" || reply.enhanced == "4.7.5" ||
                  reply.enhanced == "4.7.0");
      ASSERT_TRUE(
          std::ranges::all_of(reply.text, [](char c) { return c >= ' ' && c <= '~' && c != '%'; }));
      ASSERT_LE(reply.text.size(), 480U);
    }
    ASSERT_EQ(outcome.edits.reply.kind, Reply::Kind::go_on);
  });
  EXPECT_GT(deferred, 0U);
}

TEST(MilterNever, NoLocalPartIsTold) {
  for (config::Milter milter : {by_default(), deferring()}) {
    milter.overrides = {{{"c.test"}, {}, Action::quarantine}};
    for (const bool broken : {false, true}) {
      each_case(milter, broken, [](const Client& client, const char*, Mta& mta, Outcome outcome) {
        std::string text = all_text(mta.recorder);
        for (const Reply& reply : outcome.replies) text += reply.text + '\n';
        text += outcome.edits.authentication_results.value_or("") + '\n' +
                outcome.edits.quarantine.value_or("");
        ASSERT_EQ(text.find(kSecret), std::string::npos) << client.what << '\n' << text;
        ASSERT_FALSE(mta.recorder.decisions.empty());
        for (const DecisionNote& note : mta.recorder.decisions) {
          if (!note.client) continue;
          ASSERT_NE(note.client->text(), client.address);
        }
      });
    }
  }
}

}  // namespace
}  // namespace mxw::milter
