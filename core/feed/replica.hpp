// Replica: a reader's copy of policyd's rows, in memory, bounded, and kept in a cache file.
//
// Rows hold until their own end, whether or not the owner is there; the copy deletes nothing by
// itself but what prune() takes. While the owner tells everything anew (on_reset() to on_end()) the
// old rows stay, and those that did not come again go at the end: a known policy never vanishes for
// a moment. A policy that did not come again is the exception: whoever tells has lost it, which
// does not end it; it stays until it is deleted by name, runs out (prune()), or its room is needed.
// What is over a bound is refused and counted, and lacks() says that some is missing, until all is
// told anew; then old rows that have not come again make room first. Of policies and TLSRPT records
// only the current one is held, of events none. One thread at a time. References and pointers are
// good until the next call that is not const.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/siphash.hpp"
#include "core/feed/observer.hpp"

namespace mxw::feed {

// Rows of one name with the round (reset to reset) each came in.
template <typename Row>
struct RowSet {
  std::vector<Row> rows;
  std::vector<std::uint32_t> rounds;  // as many
};
template <typename Row>
struct Single {
  std::unique_ptr<Row> row;
  std::uint32_t round = 0;
};

// All that is known about one domain. Any part may be missing.
class DomainEntry {
 public:
  [[nodiscard]] const rows::DomainRow* domain() const { return domain_.row.get(); }
  [[nodiscard]] const rows::PolicyRow* policy() const { return policy_.row.get(); }
  [[nodiscard]] const rows::TlsrptRow* tlsrpt() const { return tlsrpt_.row.get(); }
  [[nodiscard]] const rows::RereadRow* reread() const { return reread_.row.get(); }
  [[nodiscard]] std::span<const rows::RouteRow> routes() const { return routes_.rows; }

  // The policy while it counts: up to and including valid_until().
  [[nodiscard]] const rows::PolicyRow* policy_at(Time now) const;
  [[nodiscard]] std::vector<const rows::RouteRow*> routes_at(Time now) const;

 private:
  friend class Replica;
  [[nodiscard]] bool empty() const {
    return !domain_.row && !policy_.row && !tlsrpt_.row && !reread_.row && routes_.rows.empty();
  }

  Single<rows::DomainRow> domain_;
  Single<rows::PolicyRow> policy_;
  Single<rows::TlsrptRow> tlsrpt_;
  Single<rows::RereadRow> reread_;
  RowSet<rows::RouteRow> routes_;
};

class Replica final : public Observer {
 public:
  struct Bounds {
    std::size_t domains = 300'000;  // policyd's own: 100,000 policies and 200,000 others
    // Of them without a policy; beyond it the one told first goes. Whoever asks for it again asks
    // policyd, which answers from its store: that a reader forgets costs a moment, and so its
    // memory stays the same however many domains mail once went to (semantics 11).
    std::size_t others = 50'000;
    std::size_t routes = 1'000'000;      // as the store's
    std::size_t tlsa = 500'000;          // as the store's
    std::size_t body_bytes = 256 << 20;  // as the store's
    std::int64_t grace = kDay;           // after `until`: as the store's route_grace
  };

  struct Counters {
    std::uint64_t changes = 0;
    std::uint64_t refused = 0;    // rows over a bound
    std::uint64_t forgotten = 0;  // domains without a policy that made room for others
    std::uint64_t swept = 0;      // rows gone because a reset did not bring them again
    std::uint64_t pruned = 0;     // routes and TLSA rows long past their end
    std::uint64_t bad_files = 0;  // cache files not taken
  };

  // What changed, for those who compile their own view: names to be looked up again. Called from
  // on_batch(), on_end() and prune(), once for all changes since; the name is good for the call.
  struct Listener {
    std::function<void(std::uint32_t tenant, std::string_view domain)> domain;
    std::function<void(std::uint32_t tenant, std::string_view base)> tlsa;
  };

  Replica() : Replica(Bounds{}) {}
  explicit Replica(Bounds bounds);
  ~Replica() override;
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  void on_changed(Listener listener) { listener_ = std::move(listener); }

  void on_reset() override;
  void on_change(const rows::Change& change) override;
  void on_end(rows::Sequence head) override;
  void on_batch() override;
  void on_state(bool connected) override { connected_ = connected; }

  [[nodiscard]] const DomainEntry* find(std::string_view domain, std::uint32_t tenant = 0) const;
  // Of a base name `_25._tcp.HOST`; a row without rdata says that there are none.
  [[nodiscard]] std::span<const rows::TlsaRow> tlsa(std::string_view base,
                                                    std::uint32_t tenant = 0) const;
  [[nodiscard]] std::vector<const rows::TlsaRow*> tlsa_at(std::string_view base, Time now,
                                                          std::uint32_t tenant = 0) const;
  // Domains with a route over this MX host, in no order: whom a change of its TLSA concerns.
  [[nodiscard]] std::vector<std::string> domains_over(std::string_view mx_host,
                                                      std::uint32_t tenant = 0) const;
  void for_each_domain(const std::function<void(std::uint32_t tenant, std::string_view name,
                                                const DomainEntry&)>& visit) const;

  [[nodiscard]] bool connected() const { return connected_; }
  // Everything up to here is held: what a FeedReader begins with. 0 while told anew.
  [[nodiscard]] rows::Sequence sequence() const { return resetting_ ? 0 : sequence_; }
  [[nodiscard]] bool resetting() const { return resetting_; }
  // At least one whole telling was taken, from the owner or a file.
  [[nodiscard]] bool complete() const { return complete_; }

  struct Sizes {
    std::size_t domains = 0, policies = 0, routes = 0, tlsa = 0, body_bytes = 0;
  };
  [[nodiscard]] Sizes sizes() const { return sizes_; }
  // Rows were refused since everything was last told; and a sixteenth of each bound is free, so
  // that telling it all again is worth its while (core/feed/refill.hpp).
  [[nodiscard]] bool lacks() const { return lacks_; }
  [[nodiscard]] bool has_room() const;
  [[nodiscard]] const Counters& counters() const { return counters_; }

  // Drops what ended more than `grace` before `now`: routes, TLSA rows, policies the owner has
  // forgotten. Walks everything: once in
  // minutes. Not to be called while the clock is in doubt (semantics 11).
  std::size_t prune(Time now);

  // The cache file: header, rows, `end` with a digest of all before it; written beside the path and
  // renamed, mode 0600, not synced. Both block: not for a thread that serves; core/feed/saving.hpp
  // writes it in slices. save() has an Error (environment); the old file stands then. load() into
  // an empty replica: false and counted for a file that is absent (not counted), cut, garbled or of
  // another version; nothing of it is taken.
  class Saving;
  Result<void> save(const std::string& path);
  bool load(const std::string& path);
  [[nodiscard]] bool changed() const { return changed_; }  // since the last save() or load()

 private:
  struct Name {
    std::uint32_t tenant = 0;
    std::string text;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(rows::Key key) const;
    std::size_t operator()(const Name& name) const { return (*this)(key_of(name)); }
    HashKey key;
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(rows::Key a, rows::Key b) const {
      return a.tenant == b.tenant && a.name == b.name;
    }
    bool operator()(const Name& a, const Name& b) const { return (*this)(key_of(a), key_of(b)); }
    bool operator()(const Name& a, rows::Key b) const { return (*this)(key_of(a), b); }
    bool operator()(rows::Key a, const Name& b) const { return (*this)(a, key_of(b)); }
  };
  static rows::Key key_of(const Name& name) { return {name.tenant, name.text}; }
  template <typename Value>
  using Map = std::unordered_map<Name, Value, Hash, Equal>;
  using Names = std::unordered_set<Name, Hash, Equal>;
  class Loader;

  // The name a row stands under: in the row, so good until the row is moved.
  static rows::Key place_of(const rows::DomainRow& row) { return {row.tenant, row.name}; }
  static rows::Key place_of(const rows::RouteRow& row) { return {row.tenant, row.policy_domain}; }
  static rows::Key place_of(const rows::TlsaRow& row) { return {row.tenant, row.base}; }
  static rows::Key place_of(const auto& row) { return {row.tenant, row.domain}; }

  void put(const rows::Deletion& row);
  void put(rows::DomainRow&& row);
  void put(rows::PolicyRow&& row);
  void put(rows::RouteRow&& row);
  void put(rows::TlsaRow&& row);
  void put(rows::TlsrptRow&& row);
  void put(rows::RereadRow&& row);
  void put(const rows::EventRow& row);
  void put(const rows::VerdictRow& row);
  void put(const rows::PolicyFailureRow& row);
  void admit_other(rows::Key domain);
  DomainEntry* obtain(rows::Key domain);
  template <typename Full>
  bool room(Full full);
  template <typename Row>
  void put_single(Single<Row>& held, Row&& row);
  template <typename Row>
  bool drop_single(Single<Row>& held);
  bool drop_policy(DomainEntry& entry);
  void erase_if_empty(rows::Key domain);
  template <typename Row, typename Gone>
  std::size_t drop_rows(RowSet<Row>& set, Gone gone);
  template <typename Gone>
  std::size_t drop_routes(DomainEntry& entry, Gone gone);
  void unindex(const rows::RouteRow& row);
  template <typename OfEntry, typename Gone>
  std::size_t drop_everywhere(OfEntry of_entry, Gone gone);
  enum class Keep : std::uint8_t { nothing, policies };
  std::size_t sweep(DomainEntry& entry, Keep keep);
  void sweep(Keep keep);
  template <typename Over>
  std::size_t prune(DomainEntry& entry, Time before, Over over);

  void touch_domain(rows::Key domain);
  void touch_tlsa(rows::Key base);
  void tell();
  void tell_all();
  void clear();
  bool read_file(int fd, Loader& loader);

  Bounds bounds_;
  Hash hash_;
  Map<DomainEntry> domains_;
  Map<RowSet<rows::TlsaRow>> tlsa_;
  Map<std::map<std::string, std::uint32_t, std::less<>>> hosts_;  // MX -> domains, routes of each
  Names dirty_domains_, dirty_tlsa_;
  std::deque<Name> others_;  // without a policy, first told first; may name some that are gone
  Listener listener_;
  std::uint32_t round_ = 0;
  rows::Sequence sequence_ = 0;
  bool room_made_ = false;  // in this round
  bool resetting_ = false, complete_ = false, connected_ = false, changed_ = false;
  bool lacks_ = false;
  bool loading_ = false;  // every name will be told: none is noted
  Sizes sizes_;
  Counters counters_;
};

}  // namespace mxw::feed
