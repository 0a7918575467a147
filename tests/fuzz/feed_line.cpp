// Lines of a feed: each line of the input is decoded as an owner's and as a reader's first. What is
// taken is within the limits, is written again and read back the same, and goes into a replica that
// stays within its bounds whatever the order. Of every line the JSON reader says what nlohmann's
// parser says. Each line is also read as a message of the ask socket: what is one is written again
// and read back the same.
#include <array>

#include "core/base/check.hpp"
#include "core/feed/ask.hpp"
#include "core/feed/codec.hpp"
#include "core/feed/failure_replica.hpp"
#include "core/feed/replica.hpp"
#include "core/feed/verdict_replica.hpp"
#include "core/ipc/line_stream.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/unit/json_oracle.hpp"

namespace {

using namespace mxw;
using namespace mxw::feed;

constexpr Replica::Bounds kBounds{.domains = 3, .routes = 3, .tlsa = 3, .body_bytes = 512};

constexpr VerdictReplica::Bounds kVerdictBounds{.verdicts = 4, .of_subject = 2};

constexpr FailureReplica::Bounds kFailureBounds{.failures = 4, .of_domain = 2};

struct Readers {
  Replica replica{kBounds};
  VerdictReplica verdicts{kVerdictBounds};
  FailureReplica failures{kFailureBounds};
  std::array<Observer*, 3> all = {&replica, &verdicts, &failures};
};

void tell(Readers& readers, const Line& line) {
  for (Observer* const reader : readers.all) {
    if (line.op == Op::reset) reader->on_reset();
    if (line.op == Op::end) reader->on_end(line.seq);
  }
  if (!line.change) return;
  std::string once, twice;
  append_line(once, *line.change);
  const Line again = decode(std::string_view(once).substr(0, once.size() - 1));
  MXW_CHECK(again.change.has_value() && again.seq == line.seq && again.op == line.op);
  append_line(twice, *again.change);
  MXW_CHECK(once == twice && once.size() <= kLineBytes);
  for (Observer* const reader : readers.all) reader->on_change(*line.change);
}

void ask(std::string_view text) {
  if (const auto request = decode_request(text)) {
    const std::string once = encode(*request);
    const auto again = decode_request(once);
    MXW_CHECK(again && encode(*again) == once && once.size() <= kAskBytes);
  }
  (void)decode_answer(text);
  if (const auto answer = decode_lookup(text)) {
    const std::string once = encode(*answer);
    MXW_CHECK(decode_lookup(once) && once.size() <= kAskAnswerBytes);
  }
}

// What holds at a time is found then, and is of that domain.
void look_up(const FailureReplica& failures, const rows::PolicyFailureRow& row) {
  for (const Time time : {row.from, row.seen, row.to.value_or(Time{INT64_MAX})}) {
    for (const auto* const found : failures.at(row.domain, row.mx_host, time, row.tenant))
      MXW_CHECK(found->domain == row.domain && FailureReplica::holds(*found, time));
  }
}

// A verdict that stands is found under its own subject, and only so many are.
void look_up(const VerdictReplica& verdicts, const rows::VerdictRow& row) {
  VerdictReplica::Found found;
  if (const auto* const path = std::get_if<rows::PathSubject>(&row.subject))
    found = verdicts.of_path(path->mx_ip, row.tenant);
  else if (const auto* const session = std::get_if<rows::SessionSubject>(&row.subject))
    found = verdicts.of_session(session->client, session->server, row.tenant);
  else
    found = verdicts.of_domain(std::get<rows::DomainSubject>(row.subject).domain, row.tenant);
  MXW_CHECK(found.size() <= kVerdictBounds.of_subject);
  for (const HeldVerdict* const held : found) MXW_CHECK(held->row.tenant == row.tenant);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Readers readers;
  auto& [replica, verdicts, failures, all] = readers;
  ipc::LineStream lines(kLineBytes);
  lines.feed(std::string_view(reinterpret_cast<const char*>(data), size));
  while (const auto text = lines.next()) {
    MXW_CHECK(agree_on(*text, kLineDepth));
    (void)decode_hello(*text);
    const Line line = decode(*text);
    MXW_CHECK(line.skip == Skip::none || !line.change);
    MXW_CHECK(line.seq <= kLastSequence);
    if (line.skip == Skip::none) tell(readers, line);
    ask(*text);
    if (line.change && std::holds_alternative<rows::PolicyFailureRow>(*line.change))
      look_up(failures, std::get<rows::PolicyFailureRow>(*line.change));
    MXW_CHECK(failures.size() <= kFailureBounds.failures);
    if (line.change && std::holds_alternative<rows::VerdictRow>(*line.change))
      look_up(verdicts, std::get<rows::VerdictRow>(*line.change));
    MXW_CHECK(verdicts.size() <= kVerdictBounds.verdicts);
    const Replica::Sizes sizes = replica.sizes();
    MXW_CHECK(sizes.domains <= kBounds.domains && sizes.routes <= kBounds.routes);
    MXW_CHECK(sizes.tlsa <= kBounds.tlsa && sizes.body_bytes <= kBounds.body_bytes);
    MXW_CHECK(sizes.policies <= sizes.domains);
  }
  verdicts.prune(Time{INT64_MAX});
  for (Observer* const reader : all) {
    reader->on_reset();
    reader->on_end(1);
  }
  MXW_CHECK(verdicts.size() == 0 && failures.size() == 0);
  // Only what stands with a policy outlives a telling that did not bring it.
  const Replica::Sizes left = replica.sizes();
  MXW_CHECK(left.domains == left.policies && left.tlsa == 0);
  MXW_CHECK(left.policies > 0 || (left.routes == 0 && left.body_bytes == 0));
  return 0;
}
