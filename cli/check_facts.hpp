// CheckFacts: what DNS and the policy host said about one domain, unjudged. Values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/time.hpp"
#include "net/resolve/answer.hpp"
#include "policyd/discovery.hpp"

namespace mxw::cli {

struct CheckFacts {
  std::string domain;  // A-label
  Time at;
  std::vector<std::string> resolvers;  // `192.0.2.53:53`
  bool validating = false;             // their AD bit is believed

  struct Txt {
    resolve::Outcome outcome = resolve::Outcome::network;
    std::vector<std::string> texts;  // joined, those that are about MTA-STS or all there are
    std::string reason;              // of a lookup that failed, for people
  } txt;                             // `_mta-sts.DOMAIN`
  policyd::FetchAnswer fetch;
  policyd::MxFound mx;
  policyd::TlsrptAnswer tlsrpt;
};

}  // namespace mxw::cli
