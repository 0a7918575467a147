// DNS on the wire (RFC 1035, RFC 7766): queries and answers over UDP and TCP, matched by addresses,
// ports, id and question. Only what was asked is believed by the judge; two different answers to
// one question are a conflict. Bounded by limits::kDnsQueries; what is forgotten is counted. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "core/base/siphash.hpp"
#include "sensor/decode/segment.hpp"
#include "sensor/dns/answer.hpp"
#include "sensor/flow/connection.hpp"

namespace mxw::dnswire {

inline constexpr std::uint16_t kDnsPort = 53;

struct Counters {
  std::uint64_t queries = 0, answers = 0;
  std::uint64_t malformed = 0;
  std::uint64_t unasked = 0;  // answers whose query was not seen
  std::uint64_t conflicts = 0;
  std::uint64_t forgotten = 0;  // queries dropped for room

  // Of several runs (inputs kept apart): sums.
  Counters& operator+=(const Counters& other);
};

class Tracker {
 public:
  Tracker(AnswerObserver& observer, HashKey hash_key);

  void on_datagram(const decode::Datagram& datagram);
  void on_message(std::uint32_t tenant, const Endpoint& from, const Endpoint& to, Bytes wire,
                  std::optional<std::uint64_t> connection_id, const evidence::FrameRef& at);
  void on_connection(const DnsConnection& connection, const evidence::FrameRef& at) {
    observer_.on_connection(connection, at);
  }
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  using Order = std::list<const std::string*>;  // keys of queries_, oldest query first
  struct Query {
    evidence::FrameRef at;
    bool answered = false;
    bool truncated = false;  // that answer was: the set is not whole
    evidence::FrameRef answered_at;
    std::string answer_set;  // of the first answer, canonical
    Order::iterator place;
  };
  struct StringHash {
    HashKey key;
    std::size_t operator()(const std::string& text) const;
  };

  void on_query(const std::string& key, const evidence::FrameRef& at);
  void match(const std::string& key, DnsAnswer& answer);
  void forget(Time now);
  void forget_oldest();

  AnswerObserver& observer_;
  std::unordered_map<std::string, Query, StringHash> queries_;
  Order order_;
  Counters counters_;
};

// One DNS-over-TCP connection: two-octet length, message (RFC 1035 section 4.2.2).
class TcpHandler final : public flow::StreamHandler {
 public:
  TcpHandler(const flow::Connection& connection, Tracker& tracker);

  void on_data(flow::Dir dir, Bytes bytes, std::uint64_t offset, const flow::FrameRef& at) override;
  void on_gap(flow::Dir dir, std::uint64_t offset, std::uint64_t length, bool cut,
              const flow::FrameRef& at) override;
  void on_conflict(flow::Dir, std::uint64_t, Bytes, Bytes, const flow::FrameRef&) override {}
  void on_reset(flow::Dir, const flow::FrameRef&) override {}
  void on_data_after_reset(flow::Dir, const flow::FrameRef&) override {}
  void on_end(evidence::Ended how, const flow::FrameRef&) override { ended_ = how; }
  void on_removed(const flow::FrameRef& at) override;
  [[nodiscard]] bool wants_data() const override { return !lost_[0] || !lost_[1]; }
  [[nodiscard]] bool wants_connection() const override { return true; }
  [[nodiscard]] bool wants_conflicts() const override { return false; }

 private:
  const flow::Connection& conn_;
  Tracker& tracker_;
  const std::uint64_t id_;
  evidence::Ended ended_ = evidence::Ended::open;
  std::array<std::string, 2> buffer_;
  std::array<bool, 2> lost_{};
};

}  // namespace mxw::dnswire
