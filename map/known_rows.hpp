// What the feed's rows say of a domain, as the facts an answer is made from. Knowledge thread.
#pragma once

#include <optional>
#include <string_view>

#include "core/feed/replica.hpp"
#include "map/known.hpp"

namespace mxw::map {

// nullopt: nothing is known that an answer could rest on. `with_text`: policy_text is wanted.
// A stored text that is no policy any more counts as no policy.
[[nodiscard]] std::optional<Known> known_of(const feed::Replica& replica, std::string_view domain,
                                            bool with_text, Time now);

}  // namespace mxw::map
