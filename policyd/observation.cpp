#include "policyd/observation.hpp"

#include <variant>

#include "core/policy/mta_sts.hpp"

namespace mxw::policyd {

std::vector<std::string> joined_txts(const resolve::Answer& answer) {
  std::vector<std::string> texts;
  for (const dns::Record& record : answer.records) {
    if (const auto* txt = std::get_if<dns::Txt>(&record.data)) texts.push_back(txt->joined());
  }
  return texts;
}

TxtAnswer read_txt(const resolve::Answer& answer) {
  TxtAnswer txt;
  txt.word = resolve::outcome_name(answer.outcome);
  if (!resolve::is_definite(answer.outcome)) return txt;
  const std::vector<std::string> texts = joined_txts(answer);
  const auto record = policy::select_sts_record(texts);
  if (record) {
    txt.kind = TxtKind::record;
    txt.id = record->id;
    txt.ttl = answer.ttl;
    return txt;
  }
  bool ours = false;
  for (const std::string& text : texts) ours = ours || text.starts_with("v=STSv1");
  txt.kind = ours ? TxtKind::invalid : TxtKind::none;
  return txt;
}

}  // namespace mxw::policyd
