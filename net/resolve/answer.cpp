#include "net/resolve/answer.hpp"

#include <algorithm>

#include "core/dns/wire_name.hpp"

namespace mxw::resolve {
namespace {

constexpr std::uint16_t kClassIn = 1;
enum Rcode : std::uint16_t {
  kNoError = 0,
  kFormErr = 1,
  kNxDomain = 3,
  kNotImp = 4,
  kRefused = 5,
  kNotAuth = 9
};

bool is(const dns::Record& record, dns::Type type) {
  return record.klass == kClassIn && record.type == static_cast<std::uint16_t>(type);
}

// RFC 2181 section 8: with the highest bit set it counts as zero.
std::uint32_t ttl_of(const dns::Record& record) {
  return record.ttl >> 31 != 0 ? 0 : record.ttl;
}

bool has(const std::vector<dns::Record>& section, dns::Type type) {
  return std::any_of(section.begin(), section.end(),
                     [type](const dns::Record& record) { return is(record, type); });
}

// MINIMUM is the last of SOA's fields (RFC 1035 section 3.3.13).
constexpr std::size_t kSoaNumbers = 20, kSoaMinimum = 16;

// Walks the octets to the rdata of record number `index` behind the questions. core/dns keeps no
// SOA; it has read this message without a defect, so every read here succeeds.
Bytes rdata_at(Bytes wire, std::size_t questions, std::size_t index) {
  std::size_t at = dns::kHeaderBytes;
  std::string name;
  for (; questions > 0; --questions) {
    if (dns::read_name(wire, at, name) != dns::Defect::none) return {};
    at += 4;
  }
  for (;; --index) {
    if (dns::read_name(wire, at, name) != dns::Defect::none) return {};
    ByteReader reader(wire.subspan(at));
    reader.skip(8);
    const Bytes data = reader.take_u16();
    if (index == 0 || !reader.ok()) return data;
    at += reader.offset();
  }
}

std::optional<std::uint32_t> negative_ttl(Bytes wire, const dns::Message& message) {
  for (std::size_t i = 0; i < message.authority.size(); ++i) {
    const dns::Record& soa = message.authority[i];
    if (!is(soa, dns::Type::soa)) continue;
    const Bytes data = rdata_at(wire, message.questions.size(), message.answers.size() + i);
    if (data.size() < kSoaNumbers) return std::nullopt;
    ByteReader numbers(data.last(kSoaNumbers));
    numbers.skip(kSoaMinimum);
    return std::min(ttl_of(soa), numbers.u32());
  }
  return std::nullopt;
}

// Follows the CNAMEs from answer.canonical on, which moves to where they end. False when they go in
// a circle or on too long.
bool follow_chain(const dns::Message& message, Answer& answer, std::uint32_t& ttl) {
  for (std::size_t steps = 0; steps <= kChain; ++steps) {
    const auto next = std::find_if(
        message.answers.begin(), message.answers.end(), [&answer](const dns::Record& record) {
          return is(record, dns::Type::cname) && record.name == answer.canonical;
        });
    if (next == message.answers.end()) return true;
    ttl = std::min(ttl, ttl_of(*next));
    answer.canonical = std::get<dns::Alias>(next->data).target;
  }
  return false;
}

// An RRset is a set (RFC 2181 section 5): a record sent twice is one.
void collect(const dns::Message& message, dns::Type type, Answer& answer, std::uint32_t& ttl) {
  for (const dns::Record& record : message.answers) {
    if (!is(record, type) || record.name != answer.canonical) continue;
    ttl = std::min(ttl, ttl_of(record));
    const bool known =
        std::any_of(answer.records.begin(), answer.records.end(),
                    [&record](const dns::Record& r) { return r.data == record.data; });
    if (!known) answer.records.push_back(record);
  }
}

Answer failed(Answer answer, Outcome outcome, std::string reason) {
  answer.outcome = outcome;
  answer.reason = std::move(reason);
  answer.records.clear();
  return answer;
}

// Empty when the message is a whole answer to the question.
std::string_view defect_of(const dns::Message& message, std::uint16_t id, const std::string& name,
                           dns::Type type) {
  if (!message.response || message.opcode != 0) return "no answer to a question";
  if (message.id != id || message.questions.size() != 1 || message.questions[0].name != name ||
      message.questions[0].type != static_cast<std::uint16_t>(type) ||
      message.questions[0].klass != kClassIn) {
    return "answers another question";
  }
  if (message.tc) return "cut even over TCP";
  switch (message.defect) {
    case dns::Defect::none:
      return {};
    case dns::Defect::truncated:
      return "ends too early";
    case dns::Defect::bad_name:
      return "a name that cannot be read";
    case dns::Defect::bad_record:
      return "a record of the wrong form";
    case dns::Defect::too_many_records:
      return "too many records";
  }
  return {};
}

Outcome outcome_of(std::uint16_t rcode) {
  switch (rcode) {
    case kFormErr:
    case kNotImp:
    case kRefused:
    case kNotAuth:
      return Outcome::refused;
    default:
      return Outcome::servfail;
  }
}

}  // namespace

std::string_view outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::ok:
      return "ok";
    case Outcome::nodata:
      return "nodata";
    case Outcome::nxdomain:
      return "nxdomain";
    case Outcome::servfail:
      return "servfail";
    case Outcome::refused:
      return "refused";
    case Outcome::timeout:
      return "timeout";
    case Outcome::bogus:
      return "bogus";
    case Outcome::malformed:
      return "malformed";
    case Outcome::network:
      return "network";
  }
  return {};
}

Answer read_answer(Bytes wire, std::uint16_t id, const mail::DnsName& name, dns::Type type,
                   bool validating) {
  Answer answer;
  answer.canonical = name.text();
  answer.validating = validating;
  const std::optional<dns::Message> message = dns::parse(wire);
  if (!message) return failed(std::move(answer), Outcome::malformed, "ends within the header");
  answer.rcode = message->rcode;
  if (const std::string_view defect = defect_of(*message, id, name.text(), type); !defect.empty()) {
    return failed(std::move(answer), Outcome::malformed, std::string(defect));
  }
  if (message->rcode != kNoError && message->rcode != kNxDomain) {
    return failed(std::move(answer), outcome_of(message->rcode), dns::rcode_name(message->rcode));
  }
  std::uint32_t ttl = UINT32_MAX;
  if (type != dns::Type::cname && !follow_chain(*message, answer, ttl)) {
    return failed(std::move(answer), Outcome::malformed, "CNAMEs without an end");
  }
  collect(*message, type, answer, ttl);
  answer.authenticated = validating && message->ad;
  if (!answer.records.empty()) {
    answer.outcome = Outcome::ok;
    answer.ttl = ttl;
    return answer;
  }
  // A server that does not recurse points to others instead (RFC 2308 section 2.2): it knows
  // nothing about the name.
  if (message->rcode == kNoError && !message->aa && !message->ra &&
      has(message->authority, dns::Type::ns) && !has(message->authority, dns::Type::soa)) {
    return failed(std::move(answer), Outcome::refused, "a referral: the server does not recurse");
  }
  // The rcode speaks about the end of the chain (RFC 6604 section 2.1).
  answer.outcome = message->rcode == kNxDomain ? Outcome::nxdomain : Outcome::nodata;
  answer.negative_ttl = negative_ttl(wire, *message);
  if (answer.negative_ttl) answer.negative_ttl = std::min(*answer.negative_ttl, ttl);
  return answer;
}

}  // namespace mxw::resolve
