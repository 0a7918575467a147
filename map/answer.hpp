// The decision: what is said to one question. Pure; the same facts and the same moment give the
// same answer. In two steps, so that a hot lookup makes no text: compile() turns what is known of a
// domain into rows of times and a ready reply, choose() picks by them. decide() is both.
//
// Order (semantics 11): off > bypass > pin > DANE > STS; but DANE of only some MX hosts, or not
// known, takes no enforced policy away (docs/decisions/0008). `off`, `bypass`, a domain's
// report_only and observe mode hold the answer back: NOTFOUND at once, while `would_be` says what
// would have been said. Never TEMP, PERM or TIMEOUT: each defers all mail, also to domains that ask
// for nothing.
//
// A policy in mode testing is NOTFOUND with basis `testing`; strict_testing takes it as enforce. A
// policy past its valid_until is as none. The smart host `[h]` is answered from the policy of h,
// only when h matches it, never from DANE, which speaks of the MX hosts of a domain.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.hpp"
#include "core/config/config.hpp"
#include "map/known.hpp"
#include "map/query.hpp"

namespace mxw::map {

struct Options {
  bool enforce = false;
  config::PostfixDane postfix_dane = config::PostfixDane::none;
  bool tlsrpt_attributes = false, strict_testing = false, servername = true;
};
[[nodiscard]] Options options_of(const config::Map& settings);

// What the operator said of one domain. Its end is its owner's matter: a brake that ended is
// `none`.
struct Brake {
  enum class Action : std::uint8_t { none, bypass, pin, report_only };
  Action action = Action::none;
  std::vector<std::string> mx;  // of a pin; empty: those of the stored policy, also an expired one
};

enum class Word : std::uint8_t { notfound, secure, encrypt, dane, dane_only };

// What the answer rests on.
enum class Basis : std::uint8_t {
  pin,
  dane,
  sts,
  testing,        // a policy in mode testing
  mode_none,      // a policy that says it does not apply
  none,           // known to have no policy
  expired,        // the policy has run out
  unknown,        // nothing is known
  host_mismatch,  // a smart host that its own policy does not name
  unmatchable,    // no pattern is usable, or they are too many for a reply
  key,            // the key names no domain
  map,            // the map's name is not configured
};

// What held an answer back.
enum class Held : std::uint8_t { nothing, off, bypass, report_only, observe };

// What is due besides the answer: nothing; a hint to policyd; the question to policyd, for which
// the answer waits.
enum class Freshness : std::uint8_t { hot, stale, cold };

[[nodiscard]] std::string_view name(Word word);
[[nodiscard]] std::string_view name(Basis basis);
[[nodiscard]] std::string_view name(Held held);

struct Answer {
  Word said = Word::notfound, would_be = Word::notfound;
  Basis basis = Basis::unknown;
  Held held = Held::nothing;
  Freshness freshness = Freshness::hot;
  std::string_view reply;  // one netstring, borrowed from the Compiled or static
};

// The two replies of Word::secure, each a netstring, in one piece of memory: a hot look-up waits
// for memory more than for anything else.
class SecureReplies {
 public:
  SecureReplies() = default;
  SecureReplies(std::string_view postfix, std::string_view sendmail);
  [[nodiscard]] bool empty() const { return text_ == nullptr; }
  [[nodiscard]] std::string_view postfix() const { return {text_.get(), postfix_size_}; }
  [[nodiscard]] std::string_view sendmail() const {
    return {text_.get() + sendmail_at_, sendmail_size_};
  }

 private:
  std::unique_ptr<char[]> text_;
  std::uint32_t postfix_size_ = 0, sendmail_at_ = 0, sendmail_size_ = 0;
};

// The facts of one domain, ready to be chosen from. A value that moves; made in any thread.
struct Compiled {
  enum class Sts : std::uint8_t { unknown, none, mode_none, testing, enforce };
  static constexpr Time kAlways{std::numeric_limits<std::int64_t>::min()};
  static constexpr Time kNever{std::numeric_limits<std::int64_t>::max()};

  SecureReplies secure;        // empty: there is nothing to match
  Time sts_until, dane_until;  // the last moment each counts; DANE is an error for a day after it
  Time stale_after = kAlways, cold_after = kAlways;
  Sts sts = Sts::unknown;
  Word dane = Word::notfound;
  bool dane_everywhere = false;  // every server has records, and the MX set is signed
  Brake::Action action = Brake::Action::none;
  bool host_matches = false;  // the domain's own name matches the patterns
};

// `known` may be null: nothing is known. REQUIRES: `domain` is a lower-case A-label.
[[nodiscard]] Compiled compile(std::string_view domain, const Known* known, const Brake& brake,
                               const Options& options);

struct Moment {
  Time now;
  bool off = false;      // `mxwarden enforcement off`
  bool enforce = false;  // Options::enforce
};

// `facts` may be null. REQUIRES: the key is a domain or a smart host.
[[nodiscard]] Answer choose(const Compiled* facts, Dialect dialect, KeyKind kind,
                            const Moment& moment);

// The answer to what needs no facts: keys that name no domain, maps that are not configured.
[[nodiscard]] Answer refuse(Basis basis);

}  // namespace mxw::map
