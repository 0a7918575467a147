#include "core/store/report_store.hpp"

#include <algorithm>
#include <map>

#include "core/base/digest.hpp"
#include "core/store/report_schema.hpp"
#include "core/store/tally_ids.hpp"
#include "core/store/transaction.hpp"

namespace mxw::store {
namespace {

const std::string kSelectTally =
    "SELECT id, tenant, day, source, domain, type, strings, mx_hosts, origin, success, failure, "
    "undetermined FROM tally ";

TallyRow read_tally(Statement& row) {
  return {.id = row.integer(),
          .key = {.tenant = row.integer_as<std::uint32_t>(),
                  .day = row.integer_as<Day>(),
                  .source = row.text(),
                  .domain = row.text(),
                  .type = row.text(),
                  .strings = row.text(),
                  .mx_hosts = row.text()},
          .origin = row.text(),
          .success = row.integer_as<std::uint64_t>(),
          .failure = row.integer_as<std::uint64_t>(),
          .undetermined = row.integer_as<std::uint64_t>()};
}

FailureRow read_failure(Statement& row) {
  return {.key = {.result_type = row.text(),
                  .sending_ip = row.address(),
                  .mx_host = row.text(),
                  .mx_helo = row.text(),
                  .receiving_ip = row.address(),
                  .reason = row.text()},
          .count = row.integer_as<std::uint64_t>()};
}

DayRow read_day(Statement& row) {
  return {.tenant = row.integer_as<std::uint32_t>(),
          .day = row.integer_as<Day>(),
          .frozen_at = row.optional_time(),
          .late = row.integer_as<std::uint64_t>(),
          .tallies = row.integer_as<std::uint64_t>(),
          .failures = row.integer_as<std::uint64_t>(),
          .overflow = row.integer_as<std::uint64_t>()};
}

bool too_large(const FailureRow& row) {
  const FailureKey& key = row.key;
  return key.result_type.size() > kWordBytes || key.mx_host.size() > kNameBytes ||
         key.mx_helo.size() > kNameBytes || key.reason.size() > kWordBytes;
}

bool too_large(const TallyAdd& add) {
  const TallyKey& key = add.key;
  return add.origin.size() > kWordBytes || key.source.size() > kWordBytes ||
         key.domain.size() > kNameBytes || key.type.size() > kWordBytes ||
         key.strings.size() > kPolicyTextBytes || key.mx_hosts.size() > kPolicyTextBytes ||
         std::ranges::any_of(add.details, [](const FailureRow& row) { return too_large(row); });
}

bool too_large(const FeedMark& mark) {
  return mark.origin.size() > kWordBytes || mark.sensor.size() > kWordBytes ||
         mark.instance.size() > kWordBytes;
}

// The lengths go first, so that no two keys give the same octets.
Sha256 digest_of(const TallyKey& key) {
  Sha256Stream stream;
  for (const std::string* text : {&key.type, &key.strings, &key.mx_hosts}) {
    stream.update(as_bytes(std::to_string(text->size()) + ':'));
    stream.update(as_bytes(*text));
  }
  return stream.finish();
}

// One add(): its transaction and the days it has touched.
class Adder {
 public:
  Adder(Database& database, Transaction& transaction, const ReportLimits& limits, TallyIds& ids)
      : database_(database), transaction_(transaction), limits_(limits), ids_(ids) {}

  void add(const TallyAdd& add);
  void write_days();
  [[nodiscard]] const ReportStore::Added& added() const { return added_; }

 private:
  using Tally = TallyIds::Tally;
  DayRow& day_of_key(const TallyKey& key);
  Tally* find_or_begin(const TallyAdd& add, const TallyKey& key, bool room);
  void count(const TallyAdd& add, const Tally& tally);
  void add_failures(const TallyAdd& add, Tally& tally, DayRow& day);
  bool count_in_row(std::int64_t tally, const FailureKey& key, std::uint64_t count);
  bool insert_row(Tally& tally, const FailureKey& key, std::uint64_t count, DayRow& day);
  void fold(Tally& tally, const FailureRow& row, DayRow& day);

  Database& database_;
  Transaction& transaction_;
  const ReportLimits& limits_;
  TallyIds& ids_;
  std::map<std::pair<std::uint32_t, Day>, DayRow> days_;
  ReportStore::Added added_;
  bool begun_ = false;  // by the last find_or_begin()
};

DayRow& Adder::day_of_key(const TallyKey& key) {
  const auto [at, fresh] = days_.try_emplace({key.tenant, key.day});
  if (!fresh) return at->second;
  const auto row = transaction_.take(
      database_.first("SELECT tenant, day, frozen_at, late, tallies, failures, overflow FROM day "
                      "WHERE tenant = ? AND day = ?",
                      read_day, key.tenant, key.day));
  at->second = row.value_or(DayRow{});
  at->second.tenant = key.tenant;
  at->second.day = key.day;
  return at->second;
}

// nullptr: there is none.
Adder::Tally* Adder::find_or_begin(const TallyAdd& add, const TallyKey& key, bool room) {
  static const std::string kFind =
      "SELECT id, failures FROM tally "
      "WHERE tenant = ? AND day = ? AND domain = ? AND source = ? AND digest = ?";
  static const std::string kBegin =
      "INSERT INTO tally(tenant, origin, day, source, domain, type, strings, mx_hosts, digest, "
      "success, failure, undetermined, failures) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0) "
      "RETURNING id";
  const Hash128 hash = ids_.hash_of(key);
  if (Tally* const known = ids_.find(hash)) return known;
  const Sha256 digest = digest_of(key);
  const auto read = [](Statement& row) {
    return Tally{.id = row.integer(), .failures = row.integer_as<std::uint64_t>()};
  };
  const auto found = transaction_.take(
      database_.first(kFind, read, key.tenant, key.day, key.domain, key.source, Bytes(digest)));
  if (found) return ids_.put(hash, *found);
  if (!room || !transaction_.ok()) return nullptr;
  const auto id = transaction_.take(database_.integer(kBegin, key.tenant, add.origin, key.day,
                                                      key.source, key.domain, key.type, key.strings,
                                                      key.mx_hosts, Bytes(digest)));
  begun_ = true;
  return ids_.put(hash, {.id = id});
}

void Adder::count(const TallyAdd& add, const Tally& tally) {
  static const std::string kCount =
      "UPDATE tally SET success = success + ?, failure = failure + ?, "
      "undetermined = undetermined + ?, failures = ? WHERE id = ?";
  transaction_.run(kCount, add.success, add.failure, add.undetermined, tally.failures, tally.id);
}

void Adder::add(const TallyAdd& add) {
  DayRow& day = day_of_key(add.key);
  const std::uint64_t sessions = add.success + add.failure + add.undetermined;
  if (day.frozen_at) {
    day.late += sessions;
    added_.late += sessions;
    return;
  }
  begun_ = false;
  if (Tally* const tally = find_or_begin(add, add.key, day.tallies < limits_.tallies)) {
    if (begun_) ++day.tallies;
    add_failures(add, *tally, day);
    return count(add, *tally);
  }
  TallyKey beyond;
  beyond.tenant = add.key.tenant;
  beyond.day = add.key.day;
  beyond.type = kOverflow;
  day.overflow += sessions;
  added_.overflow += sessions;
  if (const Tally* const tally = find_or_begin(add, beyond, true)) count(add, *tally);
}

bool Adder::count_in_row(std::int64_t tally, const FailureKey& key, std::uint64_t count) {
  static const std::string kCount =
      "UPDATE failure SET count = count + ? WHERE tally = ? AND result_type = ? "
      "AND sending_ip = ? AND mx_host = ? AND mx_helo = ? AND receiving_ip = ? AND reason = ?";
  transaction_.run(kCount, count, tally, key.result_type, key.sending_ip, key.mx_host, key.mx_helo,
                   key.receiving_ip, key.reason);
  return !transaction_.ok() || database_.changed() > 0;
}

// False: such a row is there already.
bool Adder::insert_row(Tally& tally, const FailureKey& key, std::uint64_t count, DayRow& day) {
  static const std::string kInsert =
      "INSERT INTO failure(tally, result_type, sending_ip, mx_host, mx_helo, receiving_ip, reason, "
      "count) VALUES(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
  transaction_.run(kInsert, tally.id, key.result_type, key.sending_ip, key.mx_host, key.mx_helo,
                   key.receiving_ip, key.reason, count);
  if (transaction_.ok() && database_.changed() == 0) return false;
  ++tally.failures;
  ++day.failures;
  return true;
}

void Adder::add_failures(const TallyAdd& add, Tally& tally, DayRow& day) {
  for (const FailureRow& row : add.details) {
    if (!transaction_.ok()) return;
    const bool room = tally.failures < limits_.failures_of_tally && day.failures < limits_.failures;
    if (room && insert_row(tally, row.key, row.count, day)) continue;
    if (!count_in_row(tally.id, row.key, row.count)) fold(tally, row, day);
  }
}

// Only the result type is kept; beyond kOverflowTypes of them not even that.
void Adder::fold(Tally& tally, const FailureRow& row, DayRow& day) {
  added_.failures_folded += row.count;
  FailureKey key;
  key.result_type = row.key.result_type;
  if (count_in_row(tally.id, key, row.count)) return;
  const auto folded = transaction_.take(database_.integer(
      "SELECT count(*) FROM failure WHERE tally = ? AND sending_ip = x'' AND mx_host = '' "
      "AND mx_helo = '' AND receiving_ip = x'' AND reason = ''",
      tally.id));
  if (static_cast<std::size_t>(folded) >= kOverflowTypes) {
    key.result_type.clear();
    if (count_in_row(tally.id, key, row.count)) return;
  }
  insert_row(tally, key, row.count, day);
}

void Adder::write_days() {
  for (const auto& [key, day] : days_) {
    transaction_.run(
        "INSERT INTO day(tenant, origin, day, frozen_at, late, tallies, failures, overflow) "
        "VALUES(?, '', ?, NULL, ?, ?, ?, ?) ON CONFLICT(tenant, day) DO UPDATE SET "
        "late = excluded.late, tallies = excluded.tallies, failures = excluded.failures, "
        "overflow = excluded.overflow",
        day.tenant, day.day, day.late, day.tallies, day.failures, day.overflow);
  }
}

}  // namespace

ReportStore::ReportStore(Database database, const ReportLimits& limits)
    : database_(std::move(database)), limits_(limits), ids_(std::make_unique<TallyIds>()) {}
ReportStore::~ReportStore() = default;

Result<std::unique_ptr<ReportStore>> ReportStore::open(const std::string& path,
                                                       const OpenOptions& options,
                                                       const ReportLimits& limits) {
  auto database = Database::open(path, report_schema(), options);
  if (!database) return std::unexpected(database.error());
  return std::unique_ptr<ReportStore>(new ReportStore(std::move(*database), limits));
}

Result<ReportStore::Added> ReportStore::add(const Batch& batch) {
  const auto large = [](const auto& row) { return too_large(row); };
  if (std::ranges::any_of(batch.tallies, large) || std::ranges::any_of(batch.marks, large))
    return std::unexpected(make_error(Fault::limit, database_.path(), "a tally text too large"));
  Transaction transaction(database_);
  // Somebody else has written: perhaps rows are gone, and their ids have another meaning.
  const auto version = transaction.take(database_.integer("PRAGMA data_version"));
  if (version != data_version_) ids_->clear();
  data_version_ = version;
  Adder adder(database_, transaction, limits_, *ids_);
  for (const TallyAdd& add : batch.tallies) {
    if (transaction.ok()) adder.add(add);
  }
  adder.write_days();
  for (const FeedMark& mark : batch.marks) {
    transaction.run(
        "INSERT INTO mark(tenant, origin, sensor, instance, seq, at) VALUES(?, ?, ?, ?, ?, ?) "
        "ON CONFLICT(sensor, instance) DO UPDATE SET seq = max(seq, excluded.seq), "
        "at = max(at, excluded.at)",
        mark.tenant, mark.origin, mark.sensor, mark.instance, mark.seq, mark.at);
  }
  if (auto done = transaction.commit(); !done) {
    ids_->clear();  // what was begun is not there
    return std::unexpected(done.error());
  }
  return adder.added();
}

Result<std::uint64_t> ReportStore::last_seq(std::string_view sensor, std::string_view instance) {
  const auto seq =
      database_.integer("SELECT seq FROM mark WHERE sensor = ? AND instance = ?", sensor, instance);
  if (!seq) return std::unexpected(seq.error());
  return static_cast<std::uint64_t>(*seq);
}

Result<bool> ReportStore::freeze(std::uint32_t tenant, Day number, Time now) {
  auto done = database_.run(
      "INSERT INTO day(tenant, origin, day, frozen_at, late, tallies, failures, overflow) "
      "VALUES(?, '', ?, ?, 0, 0, 0, 0) ON CONFLICT(tenant, day) DO UPDATE SET "
      "frozen_at = excluded.frozen_at WHERE frozen_at IS NULL",
      tenant, number, now);
  if (!done) return std::unexpected(done.error());
  return database_.changed() > 0;
}

Result<std::optional<DayRow>> ReportStore::day(std::uint32_t tenant, Day number) {
  return database_.first(
      "SELECT tenant, day, frozen_at, late, tallies, failures, overflow FROM day "
      "WHERE tenant = ? AND day = ?",
      read_day, tenant, number);
}

Result<std::vector<std::string>> ReportStore::domains(std::uint32_t tenant, Day number,
                                                      std::string_view after, std::size_t limit) {
  return database_.all(
      "SELECT DISTINCT domain FROM tally WHERE tenant = ? AND day = ? AND domain > ? "
      "ORDER BY domain LIMIT ?",
      [](Statement& row) { return row.text(); }, tenant, number, after, limit);
}

Result<std::vector<TallyRow>> ReportStore::tallies(const ReportKey& key) {
  // With `+` the order does not make SQLite walk all of the day by tally_day.
  return database_.all(kSelectTally + "WHERE tenant = ? AND day = ? AND domain = ? ORDER BY +id",
                       read_tally, key.tenant, key.day, key.domain);
}

Result<std::vector<FailureRow>> ReportStore::failures(std::int64_t tally) {
  return database_.all(
      "SELECT result_type, sending_ip, mx_host, mx_helo, receiving_ip, reason, count FROM failure "
      "WHERE tally = ? ORDER BY count DESC, result_type, sending_ip, mx_host, mx_helo, "
      "receiving_ip, reason",
      read_failure, tally);
}

Result<void> ReportStore::put_rua(const RuaRow& row) {
  if (row.origin.size() > kWordBytes || row.domain.size() > kNameBytes ||
      row.record.size() > kTlsrptBytes)
    return std::unexpected(make_error(Fault::limit, database_.path(), "a record too large"));
  return database_.run(
      "INSERT INTO rua(tenant, origin, day, domain, record, seen) VALUES(?, ?, ?, ?, ?, ?) "
      "ON CONFLICT(tenant, day, domain) DO UPDATE SET origin = excluded.origin, "
      "record = excluded.record, seen = excluded.seen WHERE excluded.seen >= seen",
      row.tenant, row.origin, row.day, row.domain, row.record, row.seen);
}

Result<std::optional<RuaRow>> ReportStore::rua(const ReportKey& key) {
  const auto read = [](Statement& row) {
    return RuaRow{.tenant = row.integer_as<std::uint32_t>(),
                  .origin = row.text(),
                  .day = row.integer_as<Day>(),
                  .domain = row.text(),
                  .record = row.text(),
                  .seen = row.time()};
  };
  return database_.first(
      "SELECT tenant, origin, day, domain, record, seen FROM rua "
      "WHERE tenant = ? AND day = ? AND domain = ?",
      read, key.tenant, key.day, key.domain);
}

}  // namespace mxw::store
