#include "cli/sts_json.hpp"

#include "cli/wrap.hpp"

namespace mxw::cli {
namespace {

using policy::Invalid;

void write(JsonWriter& json, const Invalid& invalid) {
  json.member("valid", false).member("reason", invalid.reason);
  if (invalid.line > 0) json.member("line", invalid.line);
}

void write(JsonWriter& json, const policy::StsRecord& record) {
  json.member("valid", true).member("id", record.id);
}

void write(JsonWriter& json, const policy::StsPolicy& policy) {
  json.member("valid", true).member("mode", policy::mode_name(policy.mode));
  write_strings(json, "mx", policy.mx);
  json.member("max_age", policy.max_age);
  write_strings(json, "warnings", policy.warnings);
}

template <typename T>
void write_both(JsonWriter& json, const Verdicts<T>& verdicts) {
  if (verdicts.strict)
    write(json, *verdicts.strict);
  else
    write(json, verdicts.strict.error());
  json.key("tolerant").begin_object();
  if (verdicts.tolerant) {
    write(json, verdicts.tolerant->value);
    write_strings(json, "forgiven", verdicts.tolerant->forgiven);
  } else {
    write(json, verdicts.tolerant.error());
  }
  json.end_object();
}

}  // namespace

RecordVerdicts judge_record(const std::vector<std::string>& txts) {
  if (txts.size() == 1)
    return {policy::parse_sts_record(txts.front()),
            policy::parse_sts_record_tolerant(txts.front())};
  return {policy::select_sts_record(txts), policy::select_sts_record_tolerant(txts)};
}

PolicyVerdicts judge_policy(const std::string& body) {
  return {policy::parse_sts_policy(body), policy::parse_sts_policy_tolerant(body)};
}

void write_strings(JsonWriter& json, const char* name, const std::vector<std::string>& list) {
  json.key(name).begin_array();
  for (const std::string& text : list) json.string(printable(text));
  json.end_array();
}

void write_verdicts(JsonWriter& json, const RecordVerdicts& verdicts) {
  write_both(json, verdicts);
}

void write_verdicts(JsonWriter& json, const PolicyVerdicts& verdicts) {
  write_both(json, verdicts);
}

}  // namespace mxw::cli
