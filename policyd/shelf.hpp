// Shelf: the engine's view of its store. It never fails: what cannot be written is held in memory,
// bounded, answered from, and written when the store takes it again; what cannot be read counts as
// not known. Times come corrected for steps of the wall clock. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/store/policy_store.hpp"
#include "policyd/observer.hpp"
#include "policyd/refresh.hpp"
#include "policyd/timescale.hpp"

namespace mxw::policyd {

// Domains held while the store takes no writes: a policy of 64 KiB each would be 640 MiB, the usual
// 300 octets are 3 MiB; kHeldBytes bounds them together.
inline constexpr std::size_t kHeldDomains = 10'000;
inline constexpr std::size_t kHeldBytes = 64 << 20;
inline constexpr std::size_t kHeldRetry = 64;     // written again per call of retry()
inline constexpr std::size_t kTouched = 100'000;  // names waiting for touch()
inline constexpr std::size_t kTouchRows = 2'000;  // written per call of flush_touched()

class Shelf {
 public:
  // All three must outlive this.
  Shelf(store::PolicyStore& store, Observer& observer, const Timescale& scale, std::uint32_t tenant,
        std::string origin)
      : store_(store),
        observer_(observer),
        scale_(scale),
        tenant_(tenant),
        origin_(std::move(origin)) {}

  [[nodiscard]] rows::Key key(const std::string& name) const { return {tenant_, name}; }
  [[nodiscard]] const std::string& origin() const { return origin_; }

  [[nodiscard]] Stored load(const std::string& domain);
  [[nodiscard]] bool readable() const { return readable_; }  // the last load() got an answer
  [[nodiscard]] std::vector<rows::RouteRow> routes(const std::string& domain);
  [[nodiscard]] std::vector<rows::TlsaRow> tlsa(const std::string& base);
  [[nodiscard]] std::vector<rows::PolicyFailureRow> open_failures(const std::string& domain);
  [[nodiscard]] std::vector<rows::DomainRow> due(Time before, const store::DuePlace& after,
                                                 std::size_t limit);
  [[nodiscard]] std::vector<rows::Change> current(rows::Sequence after, std::size_t limit);
  [[nodiscard]] rows::Sequence head();  // the last one known, should the store not say

  // True when everything was committed.
  bool save(const Conclusion& conclusion, Time now);
  bool save_row(const rows::DomainRow& row);
  // Writes the policy again in the new scale where the clock has stepped since; whether it was.
  bool retime(const rows::PolicyRow& policy);
  bool save_routes(const std::string& domain, const std::vector<rows::RouteRow>& rows);
  bool save_tlsa(const std::string& base, const std::vector<rows::TlsaRow>& rows);
  bool save_failures(const std::string& domain, const std::vector<rows::PolicyFailureRow>& rows);
  void append(const rows::EventRow& event);
  void touch(const std::string& domain);
  void flush_touched(Time now);  // some of them, the others with the next calls
  // What is held in memory, in turn, so that none stands in the way of those behind it. A row the
  // store will never take (its limits, its schema) is counted and left where it is until another
  // look replaces it; any other trouble ends the call.
  void retry();
  bool prune(const store::PolicyBounds& bounds, Time now, const store::Pinned& pinned);  // more?

  // Octets of the policies stored so far.
  [[nodiscard]] std::uint64_t body_bytes() const { return body_bytes_; }
  [[nodiscard]] std::size_t held() const { return held_.size(); }
  [[nodiscard]] std::uint64_t failures() const { return failures_; }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }  // rows, never to be written

 private:
  template <typename T>
  bool took(const store::Result<T>& result, std::string_view what, std::string_view domain);
  void hold(const Conclusion& conclusion, const std::optional<rows::PolicyRow>& policy);
  std::optional<store::Fault> write_again(const Stored& stored);
  void release(const std::string& domain);
  void correct(Stored& stored) const;

  store::PolicyStore& store_;
  Observer& observer_;
  const Timescale& scale_;
  std::uint32_t tenant_;
  std::string origin_;
  struct Held {
    Stored stored;
    bool refused = false;
  };
  std::map<std::string, Held> held_;
  std::string retried_;  // the last one
  std::size_t held_bytes_ = 0;
  std::set<std::string> touched_;
  std::string touched_after_;  // the last one written
  rows::Sequence last_head_ = 0;
  bool readable_ = true;
  std::uint64_t failures_ = 0, dropped_ = 0, refused_ = 0, body_bytes_ = 0;
};

}  // namespace mxw::policyd
