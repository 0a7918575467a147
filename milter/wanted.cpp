#include "milter/wanted.hpp"

namespace mxw::milter {

void Wanted::add(std::string_view domain) {
  if (const auto at = domains_.find(domain); at != domains_.end())
    at->second.wanted = true;
  else if (domains_.size() < bound_)
    domains_.emplace(domain, Place{});
}

}  // namespace mxw::milter
