#include "sensor/judge/coverage.hpp"

#include <algorithm>

namespace mxw::judge {

void Coverage::add(const Coverage& o) {
  const bool first = sessions == 0 && connections_without_data == 0 && unable.empty();
  sessions += o.sessions;
  connections_without_data += o.connections_without_data;
  for (std::size_t i = 0; i < outcomes.size(); ++i) outcomes[i] += o.outcomes[i];
  for (std::size_t i = 0; i < roles.size(); ++i) roles[i] += o.roles[i];
  judged += o.judged;
  midstream += o.midstream;
  one_sided += o.one_sided;
  gap += o.gap;
  cut += o.cut;
  ambiguous += o.ambiguous;
  cert_visible += o.cert_visible;
  cert_anonymous += o.cert_anonymous;
  cert_hidden += o.cert_hidden;
  cert_resumed += o.cert_resumed;
  cert_not_seen += o.cert_not_seen;
  policy_known += o.policy_known;
  policy_denied += o.policy_denied;
  policy_not_given += o.policy_not_given;
  domain_unknown += o.domain_unknown;
  dns_answers += o.dns_answers;
  mx_answers += o.mx_answers;
  servers += o.servers;
  mature_servers += o.mature_servers;
  if (first) {
    unable = o.unable;
    return;
  }
  std::erase_if(unable, [&o](const auto& mine) {
    return std::find(o.unable.begin(), o.unable.end(), mine) == o.unable.end();
  });
}

}  // namespace mxw::judge
