// Strict and tolerant verdicts on a record or a policy, as `policy lint` and `policy check` write
// them: {valid, id, reason, tolerant: {valid, id, reason, forgiven}}.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "core/base/json_writer.hpp"
#include "core/policy/mta_sts.hpp"
#include "core/policy/tolerant.hpp"

namespace mxw::cli {

template <typename T>
struct Verdicts {
  std::expected<T, policy::Invalid> strict = std::unexpected(policy::Invalid{});
  std::expected<policy::Tolerant<T>, policy::Invalid> tolerant = std::unexpected(policy::Invalid{});
};
using RecordVerdicts = Verdicts<policy::StsRecord>;
using PolicyVerdicts = Verdicts<policy::StsPolicy>;

// Of one text the reason is told; several are the answer of a resolver, of which one counts.
[[nodiscard]] RecordVerdicts judge_record(const std::vector<std::string>& txts);
[[nodiscard]] PolicyVerdicts judge_policy(const std::string& body);

// The members into an object that is begun; the caller ends it.
void write_verdicts(JsonWriter& json, const RecordVerdicts& verdicts);
void write_verdicts(JsonWriter& json, const PolicyVerdicts& verdicts);

void write_strings(JsonWriter& json, const char* name, const std::vector<std::string>& list);

}  // namespace mxw::cli
