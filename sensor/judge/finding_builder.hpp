// What a finding shows: the dialogue lines, the policy lines, the certificate, the earlier session.
// Enough to check it in Wireshark, in the policy file and in the rule file.
#pragma once

#include "core/base/redact.hpp"
#include "sensor/judge/fields.hpp"
#include "sensor/judge/finding.hpp"

namespace mxw::judge {

[[nodiscard]] Finding build_finding(const rules::Rule& rule, const rules::Evaluation& evaluation,
                                    const SessionView& view, std::vector<std::string> domains);

[[nodiscard]] Finding build_answer_finding(const rules::Rule& rule,
                                           const rules::Evaluation& evaluation,
                                           const AnswerView& view, rules::Role role,
                                           const Redactor& redactor);

}  // namespace mxw::judge
