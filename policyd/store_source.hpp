// StoreSource: the feed of a PolicyStore. Same rows, same meaning; it only hands on.
#pragma once

#include "core/feed/source.hpp"
#include "core/store/policy_store.hpp"

namespace mxw::policyd {

class StoreSource final : public feed::Source {
 public:
  explicit StoreSource(store::PolicyStore& store) : store_(store) {}  // outlives the source

  Result<rows::Sequence> head() override;
  Result<std::vector<rows::Change>> current(rows::Sequence after, std::size_t limit) override;
  Result<Changes> changes_since(rows::Sequence from, std::size_t limit) override;

 private:
  store::PolicyStore& store_;
};

}  // namespace mxw::policyd
