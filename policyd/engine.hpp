// Engine: keeps the knowledge about mail domains true. It answers from the store, looks up what is
// cold, refreshes what is due, and writes what it learns; sockets and logs are others'.
//
// One look at a domain at a time, for all who ask. Order of a look: TXT, perhaps the GET, commit,
// answers; beside it the MX hosts with addresses and TLSA, and `_smtp._tls`. A failing store stops
// nothing: see Shelf.
//
// Belongs to the loop's thread. Everything handed in must outlive it; callbacks that are still
// waiting when it is destroyed do not come.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/policy/dane.hpp"
#include "core/store/policy_store.hpp"
#include "policyd/clock.hpp"
#include "policyd/discovery.hpp"
#include "policyd/failures.hpp"
#include "policyd/lookups.hpp"
#include "policyd/observer.hpp"
#include "policyd/refresh.hpp"
#include "policyd/shelf.hpp"
#include "policyd/timescale.hpp"

namespace mxw::policyd {

struct Options {
  std::uint32_t tenant = 0;
  std::string origin;
  std::int64_t interval = 1 * kDay;  // between refreshes of a domain (RFC 8461 section 3.3)
  std::size_t parallel = 64;         // looks begun by ourselves; as net/https kFetches
  bool dane = true;                  // TLSA lookups, and MX lookups for domains without a policy
  bool answer_with_dane = false;     // `want` waits for MX and TLSA (postfix_dane is not none)
  store::PolicyBounds bounds;
  std::function<double()> random;  // uniform in [0, 1); empty: 0.5 always
};

inline constexpr std::size_t kLooks = 4'096;  // four peers' 1,024 questions (semantics 11)
// What waits for a place: hints and what nothing is known of, and apart from that what keeps the
// known true (due policies, routes, pinned domains). Each, so many.
inline constexpr std::size_t kQueue = 10'000;
// Of Options::parallel one place in so many is for keeping alone. Whoever names slow policy hosts
// to us holds places for as long as a GET may take.
inline constexpr std::size_t kKeepShare = 4;
inline constexpr std::size_t kHintsPerSecond = 100;  // semantics 11
inline constexpr std::size_t kDuePerSecond = 50;     // 100,000 policies a day are 1.2 a second
inline constexpr std::int64_t kRereadWait = 60 * kSecond;  // semantics 7
inline constexpr std::int64_t kRereadEvery = 5 * kMinute;  // semantics 7
// Of one domain, waiting; more than one program asks, but for more there is no reason: what the one
// look finds is told to all readers.
inline constexpr std::size_t kRereadsWaiting = 16;
inline constexpr std::int64_t kTlsrptEvery = 1 * kHour;  // at most; a day has one report
inline constexpr std::int64_t kPruneEvery = 10 * kMinute;
// Or as soon as so many octets of policies were stored: strangers could serve 6 MiB a second.
inline constexpr std::uint64_t kPruneBytes = 32 << 20;
inline constexpr std::size_t kMemories = 100'000;  // domains of which more than rows is remembered
inline constexpr std::size_t kFollowed = 300'000;  // routes: every domain the store may hold
inline constexpr std::int64_t kStepHealing = 2 * kDay;  // until all is refreshed after a clock step
// A clock that was wrong at start has been set by then; more failures say nothing more.
inline constexpr std::int64_t kSettled = 1 * kDay;
inline constexpr std::int64_t kNeverAged = 36'500 * kDay;  // in place of the ages of PolicyBounds
inline constexpr std::size_t kPinnedPerSecond = 256;  // of a long list: 100,000 in seven minutes
inline constexpr std::size_t kWalkRows = 256;  // of the store, per second, after start or step

// What is said of a domain (the ask socket's words).
struct Answer {
  rows::DomainState state = rows::DomainState::unknown;
  policy::Mode mode = policy::Mode::none;  // these four only with state `policy`
  std::vector<std::string> mx;
  std::string policy_id;
  Time valid_until;
  policy::DaneState dane = policy::DaneState::none;

  friend bool operator==(const Answer&, const Answer&) = default;
};

struct EngineCounters {
  std::uint64_t wants = 0, hot = 0, merged = 0, refused = 0;  // refused: over kLooks
  std::uint64_t hints = 0, hints_dropped = 0;
  std::uint64_t looks = 0, gets = 0, gets_failed = 0, route_looks = 0;
  std::uint64_t rereads = 0, rereads_refused = 0;
  std::uint64_t due = 0, commits = 0, clock_steps = 0;
};

class Engine {
 public:
  Engine(Clock& clock, Dns& dns, Https& https, store::PolicyStore& store, Options options,
         Observer& observer, Sink* sink = nullptr);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  void start();  // timers run from here on

  // One answer: at once (from within the call) when it is hot or nothing can be learned now, else
  // after the look has been committed. What is no host name is `unknown`.
  using OnAnswer = std::function<void(const Answer&)>;
  void want(std::string_view domain, OnAnswer done);

  // Somebody will ask: look when what is known has run out. Over kHintsPerSecond or a full queue it
  // is dropped and counted.
  void hint(std::string_view domain);

  // RFC 8461 section 5.1: looks although nothing is due, and writes the RereadRow when TXT and GET
  // have ended, after kRereadWait as failed. Nothing: it was done within kRereadEvery (the row
  // stands), kRereadsWaiting wait for it already, or there is no such domain.
  using OnReread = std::function<void(const std::optional<rows::RereadRow>&)>;
  void reread(std::string_view domain, OnReread done);

  // An operator's order: a look as soon as there is a place, as reread but without its row and
  // limits.
  void refresh(std::string_view domain);

  // What `_smtp._tls.DOMAIN` said just now: the valid record, or empty. With history. REQUIRES: the
  // name is a host name.
  void store_tlsrpt(const std::string& domain, const std::string& record);

  // Domains kept although nobody asks, with their routes.
  void set_pinned(std::set<std::string> domains);

  // Called after a commit, once for all rows of it.
  void on_commit(std::function<void()> callback) { committed_ = std::move(callback); }

  [[nodiscard]] const EngineCounters& counters() const { return counters_; }
  [[nodiscard]] const Shelf& shelf() const { return shelf_; }
  [[nodiscard]] std::size_t looks_running() const { return looks_.size(); }
  [[nodiscard]] std::size_t queued() const { return queued_.size(); }
  [[nodiscard]] bool idle() const { return looks_.empty() && queued_.empty(); }

 private:
  enum class Part : std::uint8_t { policy, routes };  // of what a queued domain is to be looked at
  enum class Rank : std::uint8_t { keep, hint };      // keeping goes first
  struct Queued {
    std::string domain;
    Part part;
    bool asked = false, force = false;
  };
  struct Look {
    Stored stored;
    bool policy = false;     // the policy is looked at, not the routes alone
    bool asked = false;      // somebody wants it: last_asked is now
    bool reread = false;     // GET although nothing is due
    bool own = false;        // counts against Options::parallel
    Rank rank = Rank::hint;  // of one of our own
    bool concluded = false, routes_begun = false, routes_done = false;
    std::size_t open = 0;  // lookups not yet answered
    std::optional<TxtAnswer> txt;
    std::optional<MxFound> found;  // routes that were there before the policy
    std::optional<rows::PolicyRow> effective;
    policy::DaneState dane = policy::DaneState::none;
    std::vector<OnAnswer> wants;
    std::vector<OnReread> rereads, later;  // later: came when TXT had been answered already
  };
  struct Waiting {  // a re-read that has not ended
    std::int64_t deadline;
    std::string domain;
  };
  struct Memory {
    Recent recent;
    std::int64_t tlsrpt_next = INT64_MIN, reread_next = INT64_MIN, routes_next = INT64_MIN;
    unsigned mx_failures = 0;  // in a row, and no routes are stored: DANE is not known
  };

  // engine.cpp: questions and looks
  [[nodiscard]] std::optional<Answer> hot_answer(const Stored& stored, Time now);
  [[nodiscard]] Answer answer_of(const Stored& stored, Time now);
  [[nodiscard]] Stored load(const std::string& domain, bool asked);
  [[nodiscard]] Time time();
  [[nodiscard]] Moment moment(bool reread);
  [[nodiscard]] bool settled() const { return clock_.boot() - began_at_ >= kSettled; }
  Look& begin(const std::string& domain, std::optional<Rank> own);
  void begin_policy(const std::string& domain, Look& look);
  void on_txt(const std::string& domain, const TxtAnswer& txt);
  void conclude_look(const std::string& domain, const std::optional<FetchAnswer>& fetch);
  void finish_reread(const std::string& domain, Look& look, bool ok);
  void answer_wants(const std::string& domain);
  void note_failures(const std::string& domain, const Judgement& judgement);
  void lookup_ended(const std::string& domain);
  [[nodiscard]] Memory& memory(const std::string& domain);
  void commit();

  // engine_routes.cpp: MX hosts, TLSA, TLS-RPT
  void begin_routes(const std::string& domain, Look& look);
  void on_routes(const std::string& domain, const MxFound& found);
  void save_routes(const std::string& domain, const MxFound& found);
  [[nodiscard]] policy::DaneState dane_of_stored(const std::string& domain, Time now);
  void follow_routes(const std::string& domain, Time until);
  [[nodiscard]] bool routes_are_fresh(const std::string& domain);
  void begin_tlsrpt(const std::string& domain, Look& look);
  void on_tlsrpt(const std::string& domain, const TlsrptAnswer& answer);

  // engine_schedule.cpp: what is done by the second
  void tick();
  void observe_clock();
  void expire_rereads();
  bool enqueue(Rank rank, const std::string& domain, Part part, bool asked = false,
               bool force = false);
  void start_queued();
  void start_queued(Rank rank);
  void start(Queued next, Rank rank);
  [[nodiscard]] bool has_place(Rank rank) const;
  void queue_due();
  void queue_routes();
  void queue_pinned();
  void walk();
  bool walk_row(const rows::Change& change, Time now);  // whether it was written
  // At which rank; nothing: nobody needs them.
  [[nodiscard]] std::optional<Rank> needs_routes(const std::string& domain);
  void prune();
  [[nodiscard]] store::PolicyBounds bounds()
      const;  // Options::bounds, as far as the clock is known

  // Calls `handler` only while this exists.
  template <typename Value>
  std::function<void(const Value&)> guarded(std::function<void(const Value&)> handler) {
    return [alive = std::weak_ptr<bool>(alive_), handler = std::move(handler)](const Value& value) {
      if (!alive.expired()) handler(value);
    };
  }

  Clock& clock_;
  Dns& dns_;
  Https& https_;
  Options options_;
  Observer& observer_;
  Sink* sink_;
  Timescale scale_;
  Shelf shelf_;
  std::unique_ptr<Alarm> tick_;
  std::function<void()> committed_;
  EngineCounters counters_;

  std::unordered_map<std::string, std::unique_ptr<Look>> looks_;
  std::size_t own_looks_ = 0, hint_looks_ = 0;  // of our own: all, and those of Rank::hint
  std::deque<Queued> queues_[2];                // by Rank
  // In which queue; an entry of the other one was overtaken and is passed over.
  std::map<std::pair<std::string, Part>, Rank> queued_;
  std::deque<Waiting> waiting_rereads_;  // by deadline
  std::unordered_map<std::string, Memory> memories_;
  std::set<std::string> pinned_;
  std::string pinned_after_;  // the last one looked at in this round

  // When routes are to be looked up again, by CLOCK_BOOTTIME; in memory, rebuilt by the walk.
  std::set<std::pair<std::int64_t, std::string>> routes_due_;
  std::unordered_map<std::string, std::int64_t> routes_at_;

  double hint_tokens_ = static_cast<double>(kHintsPerSecond);
  std::int64_t began_at_ = 0, hints_at_ = 0, prune_at_ = 0, pinned_at_ = INT64_MIN;
  std::uint64_t pruned_bytes_ = 0;  // Shelf::body_bytes() when last pruned
  store::DuePlace due_after_;
  bool walking_ = false, pruning_ = false;
  rows::Sequence walked_ = 0;
  Time newest_stored_;
  std::int64_t stepped_at_ = 0;
  bool clock_behind_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace mxw::policyd
