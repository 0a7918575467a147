// What a policy domain can answer, through the refresh state machine: each record is one look at
// the domain. Bits 0-2 of its control octet: the TXT answer (record, none, invalid, failure, or the
// octets up to the first line end as they came from DNS); bits 3-7: the cause of the fetch, over
// 19: the body follows. The argument: how much time passes before, and bit 7: a re-read. The
// guarantees of policyd/refresh.hpp are checked after every look.
#include <algorithm>
#include <map>
#include <string>

#include "core/base/check.hpp"
#include "core/policy/mta_sts.hpp"
#include "policyd/refresh.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace mxw;
using namespace mxw::policyd;

constexpr std::int64_t kPauses[] = {0,     kSecond,    kMinute,  5 * kMinute - 1,
                                    kHour, 26 * kHour, 8 * kDay, 400 * kDay};

TxtAnswer txt_answer(unsigned kind, std::string_view text) {
  switch (kind) {
    case 0:
      return {TxtKind::none, "", 0, "nxdomain"};
    case 1:
      return {TxtKind::failure, "", 0, "servfail"};
    case 2:
      return {TxtKind::record, "fixed", 300, "ok"};
    default:
      break;
  }
  resolve::Answer answer;
  answer.outcome = resolve::Outcome::ok;
  answer.ttl = kind * 1'000'000'000U;
  dns::Record record;
  record.data = dns::Txt{{std::string(text)}};
  answer.records.push_back(record);
  if (kind == 7) answer.records.push_back(record);
  return read_txt(answer);
}

class Checker {
 public:
  void look(const fuzz::Record& record) {
    const std::string_view text = as_text(record.bytes);
    const std::size_t line = std::min(text.find('\n'), text.size());
    const TxtAnswer txt = txt_answer(record.control & 7U, text.substr(0, line));
    const unsigned cause = record.control >> 3U;
    FetchAnswer fetch{https::Cause::ok, std::string(text.substr(std::min(line + 1, text.size()))),
                      ""};
    if (cause > 0 && cause <= static_cast<unsigned>(https::Cause::empty_body))
      fetch = {static_cast<https::Cause>(cause), "", std::string(text.substr(0, 64))};
    moment_.now = moment_.now + kPauses[record.argument & 7U];
    moment_.jitter = static_cast<double>(record.argument >> 3U & 15U) / 16;
    moment_.reread = record.argument >> 7U != 0;
    run(txt, fetch);
  }

 private:
  void run(const TxtAnswer& txt, const FetchAnswer& fetch) {
    const Stored before = stored_;
    const bool get = wants_get(stored_, txt, recent_, moment_);
    if (get) note_get(txt, fetch);
    const Conclusion conclusion =
        conclude(stored_, txt, get ? std::optional(fetch) : std::nullopt, recent_, moment_);
    check(before, conclusion, get, fetch);
    if (conclusion.end) stored_.policy.reset();
    if (conclusion.put) stored_.policy = conclusion.put;
    stored_.domain = conclusion.domain;
    stored_.domain.last_asked = moment_.now;
  }

  void note_get(const TxtAnswer& txt, const FetchAnswer& fetch) {
    const std::string id = txt.kind == TxtKind::record ? txt.id : stored_.policy->id;
    const auto last = failures_.find(id);
    if (last != failures_.end()) MXW_CHECK(moment_.now - last->second >= kGetHold);
    const bool ours = fetch.cause == https::Cause::busy || fetch.cause == https::Cause::local;
    const bool valid = fetch.cause == https::Cause::ok && policy::parse_sts_policy(fetch.body);
    if (ours || valid)
      failures_.erase(id);
    else
      failures_[id] = moment_.now;
  }

  void check(const Stored& before, const Conclusion& after, bool get, const FetchAnswer& fetch) {
    MXW_CHECK(!rows::over_limit(after.domain));
    if (after.put) {
      MXW_CHECK(get && fetch.cause == https::Cause::ok && after.put->body == fetch.body);
      MXW_CHECK(!rows::over_limit(*after.put));
      MXW_CHECK(after.put->fetched_at == moment_.now);
    }
    if (is_live(before.policy, moment_.now)) {
      MXW_CHECK(!after.end && after.effective);
      if (!after.put) MXW_CHECK(*after.effective == *before.policy);
    }
    if (after.effective && !after.put) MXW_CHECK(is_live(after.effective, moment_.now));
    if (after.domain.refresh_at) MXW_CHECK(*after.domain.refresh_at > moment_.now);
    MXW_CHECK(recent_.held.size() <= kHeldIds && recent_.id_changes.size() < kFlaps);
    for (const rows::EventRow& event : after.events) {
      MXW_CHECK(!rows::over_limit(event));
      fuzz::use(event.detail);
    }
  }

  Stored stored_ = [] {
    Stored stored;
    stored.domain.name = "example.org";
    return stored;
  }();
  Recent recent_;
  Moment moment_{Time{1'795'000'000 * kSecond}};
  std::map<std::string, Time> failures_;  // last failed GET by id
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader input({data, size});
  Checker checker;
  for (fuzz::Record record; fuzz::next_record(input, record);) checker.look(record);
  return 0;
}
