// What an MTA hands on of a stranger's mail, in any order of callbacks. The input is an octet of
// settings and records (fuzz.hpp): `control` is the callback, `argument` a macro to set before it
// or the state of the path asked for, and octets. What the milter never does is checked throughout.
#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/base/check.hpp"
#include "milter/session.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace mxw::milter {
namespace {

constexpr Time kNow{1'800'000'000 * kSecond};
constexpr std::array<const char*, 14> kNames = {"j",
                                                "i",
                                                "{daemon_name}",
                                                "{daemon_addr}",
                                                "{daemon_port}",
                                                "{client_addr}",
                                                "{client_resolve}",
                                                "{tls_version}",
                                                "{cipher}",
                                                "{auth_type}",
                                                "{rcpt_mailer}",
                                                "{rcpt_host}",
                                                "{rcpt_addr}",
                                                "{if_addr}"};

class AnyMacros final : public Macros {
 public:
  [[nodiscard]] std::string_view get(const char* name) const override {
    const auto found = values.find(name);
    return found == values.end() ? std::string_view() : found->second;
  }
  std::map<std::string, std::string> values;
};

class AnyLookup final : public Lookup {
 public:
  DomainPath path(std::string_view domain, Time, bool) override {
    MXW_CHECK(!domain.empty() && domain.size() <= 253);
    MXW_CHECK(std::ranges::all_of(domain, [](char c) { return c > ' ' && c <= '~' && c != '@'; }));
    DomainPath path;
    path.domain = domain;
    path.state = static_cast<PathState>(state % 8);
    path.protection = static_cast<policy::Protection>(state / 8 % 5);
    path.failure = static_cast<Failure>(state / 64);
    return path;
  }
  std::optional<SessionVerdict> session(const Endpoint&, const Endpoint&, Time, Time) override {
    return SessionVerdict{"v1", "R13", "example.org", "1"};
  }
  [[nodiscard]] bool sees_sessions() const override { return false; }
  bool take_probe(std::string_view, Time) override { return (state & 1) != 0; }
  std::uint8_t state = 0;
};

bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

class Checker final : public Recorder {
 public:
  void decision(DecisionNote note) override {
    for (const std::string* text :
         {&note.queue_id, &note.listener, &note.tls.version, &note.tls.cipher, &note.tls.bits})
      MXW_CHECK(is_plain(*text) && text->size() <= 64);
    MXW_CHECK(is_plain(note.domain) && note.domain.size() <= 255);
    MXW_CHECK(note.domain.find('@') == std::string::npos);
  }
  void message(MessageNote) override {}
  void queue_id(std::uint64_t, Time, std::string_view id) override { MXW_CHECK(!id.empty()); }
  void deferred(store::DeferralRow) override {}
  void breaker_tripped(Time, Breaker::Counts) override {}
  void internal_error(Stage) override {}
};

config::Milter milter_of(std::uint8_t bits) {
  config::Milter milter;
  if ((bits & 1) != 0) milter.defer.peers = {*Cidr::parse("0.0.0.0/0")};
  if ((bits & 2) != 0) milter.defer.domains = {"*"};
  if ((bits & 4) != 0) milter.trusted_networks = {*Cidr::parse("192.0.2.0/24")};
  if ((bits & 8) != 0) milter.exempt = {".example.org"};
  if ((bits & 16) != 0) milter.authserv_id = "mx1.b.test";
  if ((bits & 32) != 0) milter.dry_run = true;
  return milter;
}

struct Driver {
  explicit Driver(std::uint8_t bits) : defers((bits & 3) == 3) {
    deferrals.start({1}, {});
    session = std::make_unique<Session>(
        *Settings::compile(milter_of(bits)),
        Shared{lookup, deferrals, breaker, recorder, [] { return kNow; }, [] { return kNow; }}, 1);
  }

  void check(const Reply& reply, bool may_defer) const {
    if (reply.kind == Reply::Kind::go_on) return;
    MXW_CHECK(may_defer && defers && reply.code == "451" && reply.enhanced.starts_with("4.7."));
    MXW_CHECK(is_plain(reply.text) && reply.text.find('%') == std::string::npos);
  }

  void check(const Edits& edits) const {
    check(edits.reply, false);
    MXW_CHECK(!edits.quarantine);
    const bool inbound = session->role() == Role::inbound;
    MXW_CHECK(inbound || (edits.changed.empty() && !edits.authentication_results));
    std::uint32_t before = 1'000'000;
    for (const Edits::Change& change : edits.changed) {
      MXW_CHECK(change.index >= 1 && change.index < before);
      before = change.index;
    }
  }

  void callback(std::uint8_t stage, std::string_view text) {
    const std::size_t cut = std::min(text.find('\0'), text.size());
    const std::string_view args[] = {text.substr(0, cut),
                                     text.substr(std::min(cut + 1, text.size()))};
    switch (stage % 8) {
      case 0: {
        Connect connect{std::string(args[0]), {}};
        if (const auto address = IpAddress::parse(args[1])) connect.client = Endpoint{*address, 9};
        return check(session->connect(connect, macros), false);
      }
      case 1:
        return check(session->helo(text, macros), false);
      case 2:
        return check(session->mail(args, macros), false);
      case 3:
        return check(session->rcpt(args, macros), true);
      case 4:
        return check(session->data(macros), false);
      case 5:
        return session->header(args[0], args[1]);
      case 6:
        return check(session->end_of_message(macros));
      default:
        return session->abort();
    }
  }

  bool defers;
  AnyMacros macros;
  AnyLookup lookup;
  Checker recorder;
  Deferrals deferrals;
  Breaker breaker{{}};
  std::unique_ptr<Session> session;
};

void run(ByteReader input) {
  Driver driver(input.u8());
  fuzz::Record record;
  while (fuzz::next_record(input, record)) {
    const std::string_view text = as_text(record.bytes);
    driver.lookup.state = record.argument;
    // A macro instead of a callback; as libmilter gives it, it ends at an octet 0.
    if ((record.control & 0x80) != 0)
      driver.macros.values[kNames.at(record.argument % kNames.size())] =
          text.substr(0, text.find('\0'));
    else
      driver.callback(record.control, text);
  }
}

}  // namespace
}  // namespace mxw::milter

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size >= 1) mxw::milter::run(mxw::ByteReader({data, size}));
  return 0;
}
