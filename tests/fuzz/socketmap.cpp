// A socketmap client, and a policy: what a stranger sends and what a stranger publishes. The input
// is an octet of settings, an octet of the size of the pieces, a length and that many octets of an
// mx pattern, and what the client sends.
#include <algorithm>
#include <memory>
#include <string>

#include "core/base/check.hpp"
#include "map/session.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace mxw::map {
namespace {

constexpr Time kNow{1'800'000'000 * kSecond};

// Not there: so that no answer depends on a clock.
class NoPolicyd : public Asker {
 public:
  void set_callbacks(Callbacks) override {}
  bool want(std::string_view) override { return false; }
  bool hint(std::string_view) override { return false; }
  bool ping() override { return false; }
};

Options options_of(std::uint8_t bits) {
  Options options;
  options.enforce = (bits & 1) == 0;
  options.tlsrpt_attributes = (bits & 2) != 0;
  options.strict_testing = (bits & 4) != 0;
  options.servername = (bits & 8) == 0;
  options.postfix_dane = static_cast<config::PostfixDane>((bits >> 4) % 3);
  return options;
}

Known policy_of(policy::Mode mode, std::string_view pattern) {
  Known known;
  known.state = rows::DomainState::policy;
  known.mode = mode;
  known.mx = {std::string(pattern), "mx.example.org"};
  known.policy_text = "version: STSv1\nmode: enforce\nmx: " + known.mx[0] + "\nmax_age: 1\n";
  known.checked_at = kNow;
  known.valid_until = kNow + kDay;
  known.dane = (pattern.size() & 1) != 0 ? DaneState::all : DaneState::none;
  known.dane_until = kNow + kDay;
  return known;
}

void fill(Table& table, std::string_view pattern, const Options& options) {
  const Known enforce = policy_of(policy::Mode::enforce, pattern);
  const Known testing = policy_of(policy::Mode::testing, pattern);
  const Brake pin{Brake::Action::pin, {std::string(pattern)}};
  table.clear();
  table.put("example.org", compile("example.org", &enforce, {}, options));
  table.put("mx.example.org", compile("mx.example.org", &enforce, {}, options));
  table.put("testing.example", compile("testing.example", &testing, {}, options));
  table.put("pinned.example", compile("pinned.example", nullptr, pin, options));
}

std::string talk(Responder& responder, std::string_view input, std::size_t piece,
                 const Moment& moment) {
  Session session(responder, 1);
  std::string out;
  const auto take_output = [&] {
    out += session.output();
    session.sent(session.output().size());
  };
  while (!input.empty() && session.wants_input()) {
    const std::size_t size = std::min(piece, input.size());
    session.take(input.substr(0, size), moment);
    input.remove_prefix(size);
    for (take_output(); session.can_resume(); take_output()) session.resume(moment);
  }
  return out;
}

void check_reply(std::string_view reply) {
  MXW_CHECK(reply == "NOTFOUND " || reply.starts_with("OK secure match=") ||
            reply == "OK encrypt" || reply == "OK dane" || reply == "OK dane-only");
  MXW_CHECK(std::ranges::all_of(reply, [](char c) { return c >= ' ' && c <= '~'; }));
  // Braces and commas only where Postfix is told a value with blanks.
  MXW_CHECK(std::ranges::count(reply, '{') == std::ranges::count(reply, '}'));
  MXW_CHECK(reply.find(',') == std::string_view::npos);
}

void check_replies(std::string_view replies) {
  NetstringReader reader(limits::kReplyBytes);
  while (!replies.empty()) {
    MXW_CHECK(reader.next(replies) == NetstringReader::Step::payload);
    check_reply(reader.payload());
  }
}

void run(ByteReader input) {
  static const std::unique_ptr<EventLoop> kLoop = *EventLoop::create();
  static NoPolicyd policyd;
  static Table table(HashKey{1, 2}, 16);
  static const MapNames kNames({{"postfix", Dialect::postfix}, {"sts", Dialect::sendmail}});
  const std::uint8_t bits = input.u8();
  const std::size_t piece = std::size_t{input.u8()} + 1;
  const Bytes pattern = input.take(std::min<std::size_t>(input.u8(), input.left()));
  const std::string_view sent = as_text(input.rest());
  const Options options = options_of(bits);
  fill(table, as_text(pattern), options);
  ColdDesk desk(*kLoop, policyd, {}, [](Waiting::Ticket, const Known*) {});
  Responder responder(table, kNames, desk, options);
  const Moment moment{kNow, (bits & 0x80) != 0, options.enforce};
  const std::string whole = talk(responder, sent, limits::kReadBytes, moment);
  MXW_CHECK(talk(responder, sent, piece, moment) == whole);
  check_replies(whole);
}

}  // namespace
}  // namespace mxw::map

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size >= 3) mxw::map::run(mxw::ByteReader({data, size}));
  return 0;
}
