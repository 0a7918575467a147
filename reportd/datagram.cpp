#include "reportd/datagram.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "reportd/datagram_scan.hpp"
#include "reportd/datagram_values.hpp"

namespace mxw::reportd {
namespace {

using policy::ResultType;

// tlsrpt.h of libtlsrpt, which has no other codes on the wire.
constexpr std::optional<ResultType> result_of(std::int64_t code) {
  switch (code) {
    case 201:
      return ResultType::starttls_not_supported;
    case 202:
      return ResultType::certificate_host_mismatch;
    case 203:
      return ResultType::certificate_not_trusted;
    case 204:
      return ResultType::certificate_expired;
    case 205:
      return ResultType::validation_failure;
    case 301:
      return ResultType::sts_policy_fetch_error;
    case 302:
      return ResultType::sts_policy_invalid;
    case 303:
      return ResultType::sts_webpki_invalid;
    case 304:
      return ResultType::tlsa_invalid;
    case 305:
      return ResultType::dnssec_invalid;
    case 306:
      return ResultType::dane_required;
    default:
      return std::nullopt;
  }
}

constexpr std::string_view policy_type(std::int64_t number) {
  switch (number) {
    case 1:
      return kTlsa;
    case 2:
      return kSts;
    case 9:
      return kNoPolicyFound;
    default:
      return {};
  }
}

struct Place {  // of a policy's failures among all
  std::size_t first = 0, count = 0;
};

}  // namespace

struct DatagramReader::Work {
  DatagramScanner scan;
  DatagramValues values{scan};
  std::vector<EventFailure> failures;
  std::vector<EventPolicy> policies;
  std::vector<Place> places;
  TallyEvent event;
  bool domain_told = false, policies_told = false;

  std::expected<const TallyEvent*, Garbage> read(std::string_view datagram);
  bool top(std::string_view key, unsigned& seen);
  bool policy();
  bool policy_member(std::string_view key, EventPolicy& policy, unsigned& seen);
  bool failure(std::size_t first);
  bool failure_member(std::string_view key, EventFailure& failure, unsigned& seen);
  bool complete();

  bool once(unsigned& seen, unsigned bit) {
    if ((seen & bit) != 0) return scan.fail(Garbage::twice);
    seen |= bit;
    return true;
  }
  bool version();
  bool record();
  bool result(ResultType& type, std::string_view& code);
};

bool DatagramReader::Work::version() {
  std::string_view text;
  return scan.string(text) && (text == "1" || scan.fail(Garbage::version));
}

bool DatagramReader::Work::record() {
  if (!scan.string(event.record)) return false;
  event.record_told = true;
  return event.record.size() <= kDatagramRecordBytes || scan.fail(Garbage::too_large);
}

bool DatagramReader::Work::result(ResultType& type, std::string_view& code) {
  std::int64_t number = 0;
  if (!scan.integer(number)) return false;
  if (const auto known = result_of(number)) {
    type = *known;
    return true;
  }
  constexpr std::string_view kCode = "code-";
  constexpr std::size_t kDigits = 20;
  char* const to = scan.room(kCode.size() + kDigits);
  char* const digits = std::copy(kCode.begin(), kCode.end(), to);
  const auto end = std::to_chars(digits, digits + kDigits, number).ptr;
  code = scan.take(static_cast<std::size_t>(end - to));
  type = ResultType::validation_failure;
  return true;
}

bool DatagramReader::Work::failure_member(std::string_view key, EventFailure& failure,
                                          unsigned& seen) {
  if (key.size() != 1) return scan.skip();
  std::string_view code;
  switch (key[0]) {
    case 'c':
      if (!once(seen, 1) || !result(failure.type, code)) return false;
      if (!code.empty()) {
        failure.reason = code;
        seen |= 64;  // says more than `f` can
      }
      return true;
    case 's':
      return once(seen, 2) && values.address(failure.sending_ip);
    case 'n':
      return once(seen, 4) && values.optional_name(failure.mx_host);
    case 'h':
      return once(seen, 8) && values.ehlo(failure.mx_helo);
    case 'r':
      return once(seen, 16) && values.address(failure.receiving_ip);
    case 'f':
      return once(seen, 32) && values.word((seen & 64) != 0 ? code : failure.reason);
    default:
      return scan.skip();
  }
}

bool DatagramReader::Work::failure(std::size_t first) {
  if (failures.size() - first >= kDatagramFailures) return scan.fail(Garbage::too_large);
  EventFailure& failure = failures.emplace_back();
  unsigned seen = 0;
  if (!scan.object([&](std::string_view key) { return failure_member(key, failure, seen); }))
    return false;
  return (seen & 1) != 0 || scan.fail(Garbage::type);
}

bool DatagramReader::Work::policy_member(std::string_view key, EventPolicy& policy,
                                         unsigned& seen) {
  std::int64_t number = 0;
  if (key == "policy-type") {
    if (!once(seen, 1) || !scan.integer(number)) return false;
    policy.type = policy_type(number);
    return !policy.type.empty() || scan.fail(Garbage::policy_type);
  }
  if (key == "policy-domain") return once(seen, 2) && values.name(policy.domain);
  if (key == "policy-string") return once(seen, 4) && values.strings();
  if (key == "mx-host") return once(seen, 8) && values.hosts();
  if (key == "f") {
    if (!once(seen, 16) || !scan.integer(number)) return false;
    policy.final = number == 0 ? Final::success : Final::failure;
    return number == 0 || number == 1 || scan.fail(Garbage::no_final);
  }
  if (key == "t") return once(seen, 32) && scan.integer(number);  // what it counts is counted here
  if (key != "failure-details") return scan.skip();
  const std::size_t first = failures.size();
  return once(seen, 64) && scan.array([&] { return failure(first); });
}

bool DatagramReader::Work::policy() {
  if (policies.size() >= kDatagramPolicies) return scan.fail(Garbage::too_large);
  EventPolicy policy;
  const std::size_t first = failures.size();
  unsigned seen = 0;
  values.begin();
  if (!scan.object([&](std::string_view key) { return policy_member(key, policy, seen); }))
    return false;
  if ((seen & 1) == 0) return scan.fail(Garbage::policy_type);
  if ((seen & 16) == 0) return scan.fail(Garbage::no_final);
  if (!values.finish(policy)) return false;
  policies.push_back(policy);
  places.push_back({first, failures.size() - first});
  return true;
}

bool DatagramReader::Work::top(std::string_view key, unsigned& seen) {
  if (key == "dpv") return once(seen, 1) && version();
  if (key == "d") return once(seen, 2) && (domain_told = true) && values.name(event.domain);
  if (key == "pr") return once(seen, 4) && record();
  if (key != "policies") return scan.skip();
  policies_told = true;
  return once(seen, 8) && scan.array([this] { return policy(); });
}

bool DatagramReader::Work::complete() {
  if (!domain_told) return scan.fail(Garbage::domain);
  if (!event.record_told) return scan.fail(Garbage::record);
  if (!policies_told || policies.empty()) return scan.fail(Garbage::no_policies);
  for (std::size_t i = 0; i < policies.size(); ++i) {
    if (policies[i].domain.empty()) policies[i].domain = event.domain;
    policies[i].failures = std::span(failures).subspan(places[i].first, places[i].count);
  }
  event.policies = policies;
  return true;
}

std::expected<const TallyEvent*, Garbage> DatagramReader::Work::read(std::string_view datagram) {
  if (datagram.size() > kDatagramBytes) return std::unexpected(Garbage::too_large);
  failures.clear();
  policies.clear();
  places.clear();
  event = {};
  domain_told = policies_told = false;
  scan.begin(datagram);
  unsigned seen = 0;
  const bool good =
      scan.object([&](std::string_view key) { return top(key, seen); }) && scan.end() && complete();
  if (!good) return std::unexpected(scan.word());
  return &event;
}

std::string_view name(Garbage word) {
  constexpr std::array<std::string_view, kGarbageWords> kNames = {
      "syntax", "depth",       "type",        "twice",    "version", "domain",
      "record", "no-policies", "policy-type", "no-final", "nul",     "too-large"};
  return kNames[static_cast<std::size_t>(word)];
}

DatagramReader::DatagramReader() : work_(std::make_unique<Work>()) {}
DatagramReader::~DatagramReader() = default;

std::expected<const TallyEvent*, Garbage> DatagramReader::read(std::string_view datagram) {
  return work_->read(datagram);
}

}  // namespace mxw::reportd
