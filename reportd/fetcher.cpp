#include "reportd/fetcher.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "core/base/json_writer.hpp"
#include "reportd/tally_event.hpp"

namespace mxw::reportd {
namespace {

using View = std::string_view;

// The codes of libtlsrpt (TLSRPT_FAILURE_*).
constexpr std::array<std::pair<View, int>, 11> kCodes = {{{"starttls-not-supported", 201},
                                                          {"certificate-host-mismatch", 202},
                                                          {"certificate-not-trusted", 203},
                                                          {"certificate-expired", 204},
                                                          {"validation-failure", 205},
                                                          {"sts-policy-fetch-error", 301},
                                                          {"sts-policy-invalid", 302},
                                                          {"sts-webpki-invalid", 303},
                                                          {"tlsa-invalid", 304},
                                                          {"dnssec-invalid", 305},
                                                          {"dane-required", 306}}};

int code_of(View result_type) {
  constexpr int kValidationFailure = 205;
  const auto at = std::ranges::find(kCodes, result_type, &std::pair<View, int>::first);
  return at == kCodes.end() ? kValidationFailure : at->second;
}

int type_of(View type) {
  constexpr int kTlsaType = 1, kStsType = 2, kNoPolicyType = 9;
  if (type == kTlsa) return kTlsaType;
  return type == kSts ? kStsType : kNoPolicyType;
}

void lines(JsonWriter& json, View name, View text) {
  if (text.empty()) return;
  json.key(name).begin_array();
  while (!text.empty()) {
    const View line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    json.string(line);
  }
  json.end_array();
}

std::string policy_text(const store::TallyKey& key) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("policy-type", type_of(key.type));
  json.member("policy-domain", View(key.domain));
  lines(json, "policy-string", key.strings);
  lines(json, "mx-host", key.mx_hosts);
  json.end_object();
  return out;
}

std::string failure_text(const store::FailureKey& key) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("c", code_of(key.result_type));
  const auto member = [&](View name, const std::string& text) {
    if (!text.empty()) json.member(name, View(text));
  };
  member("s", key.sending_ip.family == 0 ? "" : key.sending_ip.text());
  member("n", key.mx_host);
  member("h", key.mx_helo);
  member("r", key.receiving_ip.family == 0 ? "" : key.receiving_ip.text());
  member("f", key.reason);
  json.end_object();
  return out;
}

}  // namespace

store::Result<std::string> fetcher_text(store::ReportStore& store, const store::ReportKey& key) {
  const auto rua = store.rua(key);
  const auto tallies = store.tallies(key);
  if (!rua) return std::unexpected(rua.error());
  if (!tallies) return std::unexpected(tallies.error());
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("d", View(key.domain)).key("policies").begin_object();
  if (*rua) {
    json.key((*rua)->record).begin_object();
    // Sources of one policy are one key of an object.
    std::map<std::string, std::pair<store::TallyRow, std::map<std::string, std::uint64_t>>> merged;
    for (const store::TallyRow& row : *tallies) {
      if (row.success + row.failure == 0) continue;
      auto& [sum, failures] = merged[policy_text(row.key)];
      sum.success += row.success;
      sum.failure += row.failure;
      const auto found = store.failures(row.id);
      if (!found) return std::unexpected(found.error());
      for (const store::FailureRow& failure : *found)
        failures[failure_text(failure.key)] += failure.count;
    }
    for (const auto& [policy, counts] : merged) {
      json.key(policy).begin_object();
      json.member("cntrtotal", counts.first.success + counts.first.failure);
      json.member("cntrfailure", counts.first.failure).key("failures").begin_object();
      for (const auto& [failure, count] : counts.second) json.member(failure, count);
      json.end_object().end_object();
    }
    json.end_object();
  }
  json.end_object().end_object();
  return out;
}

}  // namespace mxw::reportd
