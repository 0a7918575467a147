#include "reportd/sensor_feed.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "core/base/json_writer.hpp"
#include "core/base/siphash.hpp"
#include "core/ipc/seqpacket_server.hpp"
#include "reportd/sensor_message.hpp"

namespace mxw::reportd {
namespace {

using PeerId = ipc::SeqpacketServer::PeerId;

constexpr std::size_t kInstances = 1'024;        // remembered; older ones are asked of the store
constexpr std::size_t kSessionsKnown = 131'072;  // of two halves: twice what a sensor resends

using InstanceKey = std::pair<std::string, std::string>;  // sensor, instance

struct Instance {
  std::uint64_t taken = 0;      // counted, committed or not
  std::uint64_t committed = 0;  // may be acknowledged
  std::uint64_t marked = 0;     // handed to the writer
  PeerId peer = 0;              // that sent last
  bool ack_due = false;
};

struct Handed {  // marks in a batch under way
  InstanceKey key;
  std::uint64_t seq = 0;
};

// The sessions counted lately: the newer half, and the one before.
class SessionsKnown {
 public:
  // Whether it is new.
  bool insert(std::uint64_t hash) {
    if (newer_.contains(hash) || older_.contains(hash)) return false;
    if (newer_.size() >= kSessionsKnown / 2) older_ = std::exchange(newer_, {});
    newer_.insert(hash);
    return true;
  }
  void clear() {
    newer_.clear();
    older_.clear();
  }

 private:
  std::unordered_set<std::uint64_t> newer_, older_;
};

bool domain_known(const SensorFacts& facts) {
  return facts.basis == "rcpt" || (facts.basis == "map" && facts.candidates == 1);
}

bool proved_failure(const SensorFacts& facts) {
  return facts.final == Final::failure && facts.proved;
}

}  // namespace

std::optional<Final> sensor_final(SourceMode mode, const SensorFacts& facts) {
  if (mode == SourceMode::mta) return std::nullopt;
  if (mode == SourceMode::mta_gaps) {
    const bool gap =
        facts.outcome == "plaintext" && (facts.offered == "no" || facts.offered == "garbled");
    if (!gap) return std::nullopt;
    return domain_known(facts) && proved_failure(facts) ? Final::failure : Final::undetermined;
  }
  if (!domain_known(facts)) return Final::undetermined;
  if (proved_failure(facts)) return Final::failure;
  const bool success =
      facts.final == Final::success && facts.type == kNoPolicyFound && facts.outcome == "tls";
  return success ? Final::success : Final::undetermined;
}

struct SensorFeed::Work {
  Work(EventLoop& the_loop, Settings the_settings, store::ReportStore& the_store,
       TallyWriter& the_writer)
      : loop(the_loop),
        settings(std::move(the_settings)),
        store(the_store),
        writer(the_writer),
        tally({.tenant = settings.tenant, .denied = settings.denied}),
        every(loop, [this] {
          every.start(kEvery);
          flush();
        }) {}

  static constexpr std::int64_t kEvery = 1 * kSecond;

  EventLoop& loop;
  Settings settings;
  store::ReportStore& store;
  TallyWriter& writer;
  Tally tally;
  Timer every;
  SensorReader reader;
  HashKey key = random_hash_key();
  std::unique_ptr<ipc::SeqpacketServer> server;
  std::map<InstanceKey, Instance> instances;
  std::unordered_map<PeerId, std::string> sensors;  // of peers that have spoken
  std::map<IpAddress, std::string> owners;          // the sensor that feeds an egress address
  SessionsKnown sessions;
  std::size_t uncommitted = 0;
  Counters counters;
  std::shared_ptr<int> alive = std::make_shared<int>(0);  // commits end after we may have gone

  void on_message(ipc::SeqpacketServer::Peer& peer, std::string_view text);
  void on_closed(PeerId peer) { sensors.erase(peer); }
  bool speaks_for(PeerId peer, std::string_view sensor);
  Instance* find_instance(const SensorMessage& message);
  void make_room();
  void take(const SensorMessage& message);
  bool owns(const SensorMessage& message);
  bool is_new(const SensorMessage& message);
  void flush();
  void committed(const std::vector<Handed>& handed, bool done);
  void acknowledge(const InstanceKey& instance_key, Instance& instance);
};

bool SensorFeed::Work::speaks_for(PeerId peer, std::string_view sensor) {
  return sensors.try_emplace(peer, sensor).first->second == sensor;
}

// Instances all of whose events are committed; they are found in the store again.
void SensorFeed::Work::make_room() {
  if (instances.size() < kInstances) return;
  std::erase_if(instances, [](const auto& entry) {
    return entry.second.taken == entry.second.committed && !entry.second.ack_due;
  });
}

// nullptr: the store cannot say what it has.
Instance* SensorFeed::Work::find_instance(const SensorMessage& message) {
  InstanceKey name(message.sensor, message.instance);
  const auto there = instances.find(name);
  if (there != instances.end()) return &there->second;
  make_room();
  const auto last = store.last_seq(message.sensor, message.instance);
  if (!last || instances.size() >= 2 * kInstances) return nullptr;
  Instance instance;
  instance.taken = instance.committed = instance.marked = *last;
  return &instances.emplace(std::move(name), instance).first->second;
}

bool SensorFeed::Work::owns(const SensorMessage& message) {
  std::string& owner = owners[message.egress];
  if (owner == message.sensor) return true;
  const bool there =
      std::ranges::any_of(sensors, [&owner](const auto& entry) { return entry.second == owner; });
  if (there) return false;
  owner = message.sensor;
  return true;
}

// Once per (session, domain, policy): retries of a sensor's own bookkeeping count nothing.
bool SensorFeed::Work::is_new(const SensorMessage& message) {
  if (message.session.empty()) return true;
  std::string text;
  for (const std::string_view part : {message.sensor, message.instance, message.session,
                                      message.policy.domain, message.policy.type}) {
    text += part;
    text += '\0';
  }
  return sessions.insert(siphash(key, as_bytes(text)));
}

void SensorFeed::Work::take(const SensorMessage& message) {
  const Source* const source = find_source(settings.sources, message.egress);
  if (source == nullptr) {
    ++counters.no_source;
    return;
  }
  if (!owns(message)) {
    ++counters.other_sensor;
    return;
  }
  const auto final = sensor_final(source->mode, message.facts);
  if (!final) {
    ++counters.not_for_mode;
    return;
  }
  if (!is_new(message)) {
    ++counters.repeated;
    return;
  }
  EventPolicy policy = message.policy;
  policy.final = *final;
  if (*final == Final::failure) policy.failures = std::span(&message.failure, 1);
  TallyEvent event;
  event.domain = policy.domain;
  event.policies = std::span(&policy, 1);
  tally.add(source->name, message.sensor, event, message.time);
  ++counters.counted;
  if (*final == Final::undetermined) ++counters.undetermined;
}

void SensorFeed::Work::on_message(ipc::SeqpacketServer::Peer& peer, std::string_view text) {
  ++counters.messages;
  const SensorMessage* const message = reader.read(text);
  if (message == nullptr || !speaks_for(peer.id(), message->sensor)) {
    ++counters.garbage;
    return peer.close();
  }
  Instance* const instance = find_instance(*message);
  if (instance == nullptr) return peer.close();  // it comes back and sends again
  instance->peer = peer.id();
  instance->ack_due = true;
  if (message->seq <= instance->taken) {
    ++counters.again;
    return;
  }
  if (instance->taken != 0) counters.missing += message->seq - instance->taken - 1;
  instance->taken = message->seq;
  take(*message);
  if (++uncommitted >= kSensorUncommitted / 2 || tally.full()) flush();
}

void SensorFeed::Work::acknowledge(const InstanceKey& instance_key, Instance& instance) {
  if (instance.committed == 0) return;
  std::string text;
  JsonWriter writer_of(text);
  writer_of.begin_object()
      .member("v", 1)
      .member("instance", instance_key.second)
      .member("ack", instance.committed)
      .end_object();
  instance.ack_due = instance.committed < instance.taken;
  if (server->send(instance.peer, std::move(text))) ++counters.acks;
}

void SensorFeed::Work::flush() {
  for (auto& [name, instance] : instances) {
    if (instance.ack_due && instance.taken == instance.committed) acknowledge(name, instance);
  }
  if (!writer.ready()) return;
  std::vector<Handed> handed;
  for (auto& [name, instance] : instances) {
    if (instance.taken == instance.marked) continue;
    instance.marked = instance.taken;
    handed.push_back({name, instance.taken});
    tally.mark({.tenant = settings.tenant,
                .origin = name.first,
                .sensor = name.first,
                .instance = name.second,
                .seq = instance.taken,
                .at = settings.clock()});
  }
  if (tally.empty()) return;
  uncommitted = 0;
  writer.submit(tally.take(),
                [this, handed = std::move(handed), watch = std::weak_ptr(alive)](bool done) {
                  loop.post([this, handed, watch, done] {
                    if (!watch.expired()) committed(handed, done);
                  });
                });
}

// What was not written is sent again: as if it had never come.
void SensorFeed::Work::committed(const std::vector<Handed>& handed, bool done) {
  for (const Handed& mark : handed) {
    const auto there = instances.find(mark.key);
    if (there == instances.end()) continue;
    Instance& instance = there->second;
    if (done) {
      instance.committed = std::max(instance.committed, mark.seq);
      acknowledge(mark.key, instance);
      continue;
    }
    sessions.clear();
    server->close(instance.peer);
    instances.erase(there);
  }
}

SensorFeed::SensorFeed() = default;
SensorFeed::~SensorFeed() = default;

Result<std::unique_ptr<SensorFeed>> SensorFeed::create(EventLoop& loop, int listen_fd,
                                                       Settings settings, store::ReportStore& store,
                                                       TallyWriter& writer) {
  std::unique_ptr<SensorFeed> feed(new SensorFeed);
  ipc::PeerCheck peers = settings.peers;
  feed->work_ = std::make_unique<Work>(loop, std::move(settings), store, writer);
  Work* const work = feed->work_.get();
  ipc::SeqpacketServer::Options options;
  options.message_bytes = kSensorMessageBytes;
  options.messages_per_turn = 256;
  auto server = ipc::SeqpacketServer::create(
      loop, listen_fd, std::move(peers),
      [work](ipc::SeqpacketServer::Peer& peer, std::string_view text) {
        work->on_message(peer, text);
      },
      options, [work](PeerId peer) { work->on_closed(peer); });
  if (!server) return std::unexpected(std::move(server.error()));
  work->server = std::move(*server);
  work->every.start(Work::kEvery);
  return feed;
}

void SensorFeed::flush() {
  work_->flush();
}

void SensorFeed::add(std::vector<store::TallyAdd> counts) {
  for (store::TallyAdd& add : counts) work_->tally.add(std::move(add));
}

const SensorFeed::Counters& SensorFeed::counters() const {
  return work_->counters;
}

}  // namespace mxw::reportd
