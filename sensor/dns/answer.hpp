// DnsAnswer: a DNS response as seen on the wire, matched with its query. A stage value.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/ip.hpp"
#include "core/dns/message.hpp"
#include "core/evidence/frame.hpp"
#include "sensor/flow/connection.hpp"

namespace mxw::dnswire {

struct DnsAnswer {
  std::uint32_t tenant = 0;
  std::uint64_t flow_id = 0;
  Endpoint client, resolver;
  bool tcp = false;
  bool query_seen =
      false;  // a query with the same addresses, ports, id and question was seen before
  evidence::FrameRef query_at, at;
  dns::Message message;
  // An earlier answer to the same query had another unordered set of records (MX, TXT, TLSA).
  bool conflicts = false;
  evidence::FrameRef earlier_at;
  std::string earlier_text, this_text;  // the two sets, one line each
};

// A DNS-over-TCP connection that leaves the table (event `flow`). Borrowed for the call.
struct DnsConnection {
  std::uint64_t flow_id = 0;
  const flow::Connection& connection;
  evidence::Ended ended = evidence::Ended::open;
};

class AnswerObserver {
 public:
  virtual ~AnswerObserver() = default;
  virtual void on_answer(const DnsAnswer& answer) = 0;
  virtual void on_connection(const DnsConnection& connection, const evidence::FrameRef& at) = 0;
};

}  // namespace mxw::dnswire
