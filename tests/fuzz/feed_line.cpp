// Lines of a feed: each line of the input is decoded as an owner's and as a reader's first. What is
// taken is within the limits, is written again and read back the same, and goes into a replica that
// stays within its bounds whatever the order. Of every line the JSON reader says what nlohmann's
// parser says.
#include "core/base/check.hpp"
#include "core/feed/codec.hpp"
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

void tell(Replica& replica, VerdictReplica& verdicts, const Line& line) {
  if (line.op == Op::reset) {
    replica.on_reset();
    verdicts.on_reset();
  }
  if (line.op == Op::end) {
    replica.on_end(line.seq);
    verdicts.on_end(line.seq);
  }
  if (!line.change) return;
  std::string once, twice;
  append_line(once, *line.change);
  const Line again = decode(std::string_view(once).substr(0, once.size() - 1));
  MXW_CHECK(again.change.has_value() && again.seq == line.seq && again.op == line.op);
  append_line(twice, *again.change);
  MXW_CHECK(once == twice && once.size() <= kLineBytes);
  replica.on_change(*line.change);
  verdicts.on_change(*line.change);
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
  Replica replica(kBounds);
  VerdictReplica verdicts(kVerdictBounds);
  ipc::LineStream lines(kLineBytes);
  lines.feed(std::string_view(reinterpret_cast<const char*>(data), size));
  while (const auto text = lines.next()) {
    MXW_CHECK(agree_on(*text, kLineDepth));
    (void)decode_hello(*text);
    const Line line = decode(*text);
    MXW_CHECK(line.skip == Skip::none || !line.change);
    MXW_CHECK(line.seq <= kLastSequence);
    if (line.skip == Skip::none) tell(replica, verdicts, line);
    if (line.change && std::holds_alternative<rows::VerdictRow>(*line.change))
      look_up(verdicts, std::get<rows::VerdictRow>(*line.change));
    MXW_CHECK(verdicts.size() <= kVerdictBounds.verdicts);
    const Replica::Sizes sizes = replica.sizes();
    MXW_CHECK(sizes.domains <= kBounds.domains && sizes.routes <= kBounds.routes);
    MXW_CHECK(sizes.tlsa <= kBounds.tlsa && sizes.body_bytes <= kBounds.body_bytes);
    MXW_CHECK(sizes.policies <= sizes.domains);
  }
  verdicts.prune(Time{INT64_MAX});
  for (auto* const owner : {static_cast<Observer*>(&replica), static_cast<Observer*>(&verdicts)}) {
    owner->on_reset();
    owner->on_end(1);
  }
  MXW_CHECK(verdicts.size() == 0);
  // Only what stands with a policy outlives a telling that did not bring it.
  const Replica::Sizes left = replica.sizes();
  MXW_CHECK(left.domains == left.policies && left.tlsa == 0);
  MXW_CHECK(left.policies > 0 || (left.routes == 0 && left.body_bytes == 0));
  return 0;
}
