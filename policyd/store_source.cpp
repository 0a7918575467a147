#include "policyd/store_source.hpp"

#include <utility>

namespace mxw::policyd {

Result<rows::Sequence> StoreSource::head() {
  auto head = store_.head();
  if (!head) return std::unexpected(std::move(head.error()));
  return *head;
}

Result<std::vector<rows::Change>> StoreSource::current(rows::Sequence after, std::size_t limit) {
  auto rows = store_.current(after, limit);
  if (!rows) return std::unexpected(std::move(rows.error()));
  return std::move(*rows);
}

Result<feed::Source::Changes> StoreSource::changes_since(rows::Sequence from, std::size_t limit) {
  auto changes = store_.changes_since(from, limit);
  if (!changes) return std::unexpected(std::move(changes.error()));
  return Changes{changes->reset, std::move(changes->rows), changes->head};
}

}  // namespace mxw::policyd
