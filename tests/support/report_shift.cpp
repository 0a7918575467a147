// Moves what reportd has counted to an earlier day: `report_shift FROM.db TO.db DAY DAYS`. A lab
// cannot wait for midnight; the counts are those that real datagrams made, and they go through the
// store's own writer.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "core/store/report_store.hpp"

namespace {

using mxw::store::ReportStore;

int complain(const std::string& what) {
  std::fprintf(stderr, "report_shift: %s\n", what.c_str());
  return 1;
}

int shift(ReportStore& from, ReportStore& to, mxw::store::Day day, mxw::store::Day days) {
  const auto domains = from.domains(0, day, "", 10'000);
  if (!domains) return complain(domains.error().message);
  ReportStore::Batch batch;
  for (const std::string& domain : *domains) {
    const auto tallies = from.tallies({0, day, domain});
    if (!tallies) return complain(tallies.error().message);
    for (const mxw::store::TallyRow& row : *tallies) {
      const auto failures = from.failures(row.id);
      if (!failures) return complain(failures.error().message);
      mxw::store::TallyAdd add{.key = row.key,
                               .origin = row.origin,
                               .success = row.success,
                               .failure = row.failure,
                               .undetermined = row.undetermined,
                               .details = *failures};
      add.key.day -= days;
      batch.tallies.push_back(std::move(add));
    }
    const auto rua = from.rua({0, day, domain});
    if (!rua) return complain(rua.error().message);
    if (!*rua) continue;
    mxw::store::RuaRow earlier = **rua;
    earlier.day -= days;
    earlier.seen = earlier.seen - days * mxw::kDay;
    if (const auto put = to.put_rua(earlier); !put) return complain(put.error().message);
  }
  if (const auto added = to.add(batch); !added) return complain(added.error().message);
  std::printf("%zu\n", batch.tallies.size());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return complain("usage: report_shift FROM.db TO.db DAY DAYS");
  const auto from = ReportStore::open(argv[1]);
  if (!from) return complain(from.error().message);
  const auto to = ReportStore::open(argv[2]);
  if (!to) return complain(to.error().message);
  return shift(**from, **to, std::atoi(argv[3]), std::atoi(argv[4]));
}
