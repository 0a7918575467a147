// Answers of the control socket that show rows: `{"v":1,"ok":true,"rows":[...],...}`, each row an
// object as the feed tells it (core/feed/codec.hpp), policies without their text. An answer that
// would be too large says `"cut":true`. Reads the store only.
#pragma once

#include <string>

#include "core/store/policy_store.hpp"

namespace mxw::policyd {

// domain, current policy, routes, TLSA of its hosts, TLSRPT, re-read, the last events
[[nodiscard]] std::string show(store::PolicyStore& store, const std::string& domain);

// All policies of a domain, oldest first.
[[nodiscard]] std::string history(store::PolicyStore& store, const std::string& domain);

struct ListRequest {
  rows::Sequence after = 0;  // `next` of the page before
  Time at;
  bool history = false;  // what was known at `at`, not what is known now
};
// Policies with the routes of their domains; `next` unless this was the last page. Looks through a
// bounded part of the store, in which there may be none.
[[nodiscard]] std::string list_page(store::PolicyStore& store, const ListRequest& request);

}  // namespace mxw::policyd
