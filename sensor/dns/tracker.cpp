#include "sensor/dns/tracker.hpp"

#include <algorithm>
#include <vector>

#include "core/base/limits.hpp"
#include "core/evidence/flow_id.hpp"

namespace mxw::dnswire {
namespace {

constexpr std::uint8_t kTcp = 6, kUdp = 17;

// A resolver gives up within seconds; a late forged answer is interesting within the same time.
constexpr std::int64_t kQueryLife = 30 * kSecond;

void put(std::string& out, std::uint64_t v, std::size_t octets) {
  for (std::size_t i = octets; i-- > 0;) out += static_cast<char>(v >> (8 * i) & 0xff);
}

std::string key_of(std::uint32_t tenant, const Endpoint& client, const Endpoint& resolver,
                   const dns::Message& m) {
  std::string key;
  put(key, tenant, 4);
  for (const Endpoint* e : {&client, &resolver}) {
    key += as_text(e->address.bytes());
    put(key, e->port, 2);
  }
  put(key, m.id, 2);
  put(key, m.questions.front().type, 2);
  key += m.questions.front().name;
  return key;
}

// The records of the question's type as an unordered set; empty for types that rotate by design.
std::string record_set(const dns::Message& m) {
  const std::uint16_t type = m.questions.front().type;
  const auto compared = [](dns::Type t) { return static_cast<std::uint16_t>(t); };
  if (type != compared(dns::Type::mx) && type != compared(dns::Type::txt) &&
      type != compared(dns::Type::tlsa))
    return {};
  std::vector<std::string> lines;
  for (const dns::Record& r : m.answers)
    if (r.type == type) lines.push_back(dns::rdata_text(r));
  std::sort(lines.begin(), lines.end());
  std::string out = dns::rcode_name(m.rcode);
  for (const std::string& line : lines) out += " | " + line;
  return out;
}

}  // namespace

Counters& Counters::operator+=(const Counters& o) {
  static_assert(sizeof(Counters) == 6 * sizeof(std::uint64_t), "a counter is missing below");
  queries += o.queries;
  answers += o.answers;
  malformed += o.malformed;
  unasked += o.unasked;
  conflicts += o.conflicts;
  forgotten += o.forgotten;
  return *this;
}

std::size_t Tracker::StringHash::operator()(const std::string& text) const {
  return siphash(key, as_bytes(text));
}

Tracker::Tracker(AnswerObserver& observer, HashKey hash_key)
    : observer_(observer), queries_(0, StringHash{hash_key}) {}

void Tracker::on_datagram(const decode::Datagram& d) {
  if (d.src_port != kDnsPort && d.dst_port != kDnsPort) return;
  if (d.payload.size() < d.payload_length) {
    ++counters_.malformed;  // cut by the snap length: half an answer is none
    return;
  }
  on_message(d.ip.tenant, {d.ip.src, d.src_port}, {d.ip.dst, d.dst_port}, d.payload, std::nullopt,
             d.at);
}

void Tracker::on_message(std::uint32_t tenant, const Endpoint& from, const Endpoint& to, Bytes wire,
                         std::optional<std::uint64_t> connection_id, const evidence::FrameRef& at) {
  auto message = dns::parse(wire);
  if (!message || message->questions.size() != 1 || message->opcode != 0) {
    ++counters_.malformed;
    return;
  }
  forget(at.time);
  if (!message->response) {
    ++counters_.queries;
    on_query(key_of(tenant, from, to, *message), at);
    return;
  }
  if (message->defect != dns::Defect::none) {
    ++counters_.malformed;
    return;
  }
  ++counters_.answers;
  DnsAnswer answer{.tenant = tenant,
                   .flow_id = 0,
                   .client = to,
                   .resolver = from,
                   .tcp = connection_id.has_value(),
                   .query_seen = false,
                   .query_at = {},
                   .at = at,
                   .message = std::move(*message),
                   .conflicts = false,
                   .earlier_at = {},
                   .earlier_text = {},
                   .this_text = {}};
  match(key_of(tenant, to, from, answer.message), answer);
  const evidence::FrameRef& first = answer.query_seen ? answer.query_at : answer.at;
  answer.flow_id =
      connection_id ? *connection_id : evidence::flow_id(tenant, to, from, kUdp, first);
  observer_.on_answer(answer);
}

void Tracker::on_query(const std::string& key, const evidence::FrameRef& at) {
  const auto [found, fresh] = queries_.try_emplace(key);
  Query& query = found->second;
  if (!fresh && !query.answered) return;  // the same query again: a retry
  if (!fresh) order_.erase(query.place);
  query = {.at = at,
           .answered = false,
           .truncated = false,
           .answered_at = {},
           .answer_set = {},
           .place = order_.insert(order_.end(), &found->first)};
  if (queries_.size() <= limits::kDnsQueries) return;
  ++counters_.forgotten;
  forget_oldest();
}

void Tracker::match(const std::string& key, DnsAnswer& answer) {
  const auto found = queries_.find(key);
  if (found == queries_.end()) {
    ++counters_.unasked;
    return;
  }
  Query& query = found->second;
  answer.query_seen = true;
  answer.query_at = query.at;
  // A failure is no answer: a repeated query may well get one after it.
  if (answer.message.rcode != 0 && answer.message.rcode != 3) return;
  const std::string set = record_set(answer.message);
  // A truncated answer differs from the whole one by design.
  if (!query.answered || (query.truncated && !answer.message.tc)) {
    query.answered = true;
    query.truncated = answer.message.tc;
    query.answered_at = answer.at;
    query.answer_set = set;
    return;
  }
  if (set == query.answer_set || answer.message.tc) return;
  ++counters_.conflicts;
  answer.conflicts = true;
  answer.earlier_at = query.answered_at;
  answer.earlier_text = query.answer_set;
  answer.this_text = set;
}

void Tracker::forget(Time now) {
  while (!order_.empty() && now - queries_.find(*order_.front())->second.at.time > kQueryLife)
    forget_oldest();
}

void Tracker::forget_oldest() {
  const auto oldest = queries_.find(*order_.front());
  order_.pop_front();
  queries_.erase(oldest);
}

TcpHandler::TcpHandler(const flow::Connection& connection, Tracker& tracker)
    : conn_(connection),
      tracker_(tracker),
      id_(evidence::flow_id(connection.tenant, connection.client, connection.server, kTcp,
                            connection.start)) {
  lost_.fill(connection.midstream);  // where a message begins cannot be known
}

void TcpHandler::on_data(flow::Dir dir, Bytes bytes, std::uint64_t, const flow::FrameRef& at) {
  const auto i = evidence::index(dir);
  if (lost_[i]) return;
  std::string& buffer = buffer_[i];
  buffer += as_text(bytes);
  std::size_t done = 0;
  while (buffer.size() - done >= 2) {
    const auto length = static_cast<std::size_t>(static_cast<unsigned char>(buffer[done]) << 8 |
                                                 static_cast<unsigned char>(buffer[done + 1]));
    if (buffer.size() - done - 2 < length) break;
    const bool from_client = dir == flow::Dir::client;
    tracker_.on_message(conn_.tenant, from_client ? conn_.client : conn_.server,
                        from_client ? conn_.server : conn_.client,
                        as_bytes(buffer).subspan(done + 2, length), id_, at);
    done += 2 + length;
  }
  buffer.erase(0, done);
}

void TcpHandler::on_removed(const flow::FrameRef& at) {
  tracker_.on_connection({.flow_id = id_, .connection = conn_, .ended = ended_}, at);
}

void TcpHandler::on_gap(flow::Dir dir, std::uint64_t, std::uint64_t, bool, const flow::FrameRef&) {
  // Without framing nothing behind the gap can be read.
  lost_[evidence::index(dir)] = true;
  buffer_[evidence::index(dir)].clear();
}

}  // namespace mxw::dnswire
