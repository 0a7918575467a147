#include "core/feed/saving.hpp"

#include <utility>

namespace mxw::feed {

Result<std::unique_ptr<Replica::Saving>> Replica::Saving::begin(Replica& replica,
                                                                const std::string& path) {
  // Who lacks rows has to be told all of them after a restart.
  auto file = RowFileWriter::create(path, replica.lacks_ ? 0 : replica.sequence());
  if (!file) return std::unexpected(std::move(file.error()));
  return std::unique_ptr<Saving>(new Saving(replica, std::move(*file)));
}

Replica::Saving::Saving(Replica& replica, RowFileWriter file)
    : replica_(replica),
      file_(std::move(file)),
      round_(replica.round_),
      domain_places_(replica.domains_.bucket_count()),
      tlsa_places_(replica.tlsa_.bucket_count()) {
  replica_.changed_ = false;
}

Replica::Saving::~Saving() {
  if (!done_) replica_.changed_ = true;
}

bool Replica::Saving::overtaken() const {
  return replica_.round_ != round_ || replica_.domains_.bucket_count() != domain_places_ ||
         replica_.tlsa_.bucket_count() != tlsa_places_;
}

// Goes through a table by its buckets, which stay what they are until the table is built anew.
// Whether all of it is written.
template <typename Table, typename Put>
bool Replica::Saving::write_some(const Table& table, std::size_t& next, Put put) {
  const std::uint64_t enough = file_.octets() + kSlice;
  for (std::size_t places = 0; next < table.bucket_count(); ++next, ++places) {
    if (places == kPlaces || file_.octets() >= enough || file_.failed()) return false;
    for (auto at = table.begin(next); at != table.end(next); ++at) put(at->second);
  }
  return true;
}

void Replica::Saving::put_domain(const DomainEntry& entry) {
  const auto put = [this](const auto* row) {
    if (row != nullptr) file_.add(*row);
  };
  put(entry.domain());
  put(entry.policy());
  put(entry.tlsrpt());
  put(entry.reread());
  for (const rows::RouteRow& row : entry.routes()) put(&row);
}

Result<Replica::Saving::Step> Replica::Saving::step() {
  if (overtaken()) return Step::overtaken;
  const bool all = write_some(replica_.domains_, next_domain_,
                              [this](const DomainEntry& entry) { put_domain(entry); }) &&
                   write_some(replica_.tlsa_, next_tlsa_, [this](const RowSet<rows::TlsaRow>& set) {
                     for (const rows::TlsaRow& row : set.rows) file_.add(row);
                   });
  if (!all && !file_.failed()) return Step::more;
  if (auto committed = file_.commit(); !committed) {
    return std::unexpected(std::move(committed.error()));
  }
  done_ = true;
  return Step::done;
}

}  // namespace mxw::feed
