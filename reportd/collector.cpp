#include "reportd/collector.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <numeric>
#include <thread>
#include <utility>

#include "reportd/collector_socket.hpp"

namespace mxw::reportd {
namespace {

constexpr int kBatchesPerTurn = 16;   // then timers and other sockets have their turn
constexpr int kBatchesAtEnd = 1'024;  // the longest queue that is of use, sixteen times
// Above this rate the sockets are looked at once a kPause instead of at every datagram, which
// spares senders and us the waking. Not for longer: one sender has at most about 160 datagrams
// under way (wmem_default), which bounds it to 800,000 a second so.
constexpr std::uint64_t kBusyRate = 20'000;
constexpr std::int64_t kPause = 200 * kMicrosecond;
constexpr std::string_view kOrigin = "mta";

}  // namespace

std::uint64_t CollectorCounters::garbage_total() const {
  return std::accumulate(garbage.begin(), garbage.end(), std::uint64_t{0});
}

struct Collector::Work {
  Work(EventLoop& the_loop, CollectorSettings the_settings, TallyWriter& the_writer,
       Clock the_clock)
      : loop(the_loop),
        settings(std::move(the_settings)),
        writer(the_writer),
        clock(std::move(the_clock)),
        tally({.tenant = settings.tenant}),
        every(loop, [this] { tick(); }),
        pause(loop, [this] { look(); }) {}

  struct Listening {
    const Source* source = nullptr;
    Fd fd;
    bool paused = false;
  };

  EventLoop& loop;
  CollectorSettings settings;
  TallyWriter& writer;
  Clock clock;
  Tally tally;
  Timer every, pause;
  DatagramReader reader;
  DatagramBatch batch;
  std::vector<Listening> sockets;
  CollectorCounters counters;
  std::vector<std::string> notes;
  std::optional<int> qlen;
  std::uint64_t at_last_tick = 0;
  bool busy = false;
  std::optional<ucred> last_sender;
  bool last_allowed = false;

  Result<void> open();
  Result<void> listen(const Source& source);
  void on_readable(std::size_t index);
  bool drain(Listening& listening);
  void take(const DatagramBatch::Datagram& datagram, const Source& source, Time now);
  bool allowed(const std::optional<ucred>& sender);
  void look();
  void tick();
  void flush();
};

Result<void> Collector::Work::listen(const Source& source) {
  auto fd = bind_datagram(source.socket, {.mode = settings.socket_mode,
                                          .group = settings.socket_group,
                                          .receive_buffer = settings.receive_buffer});
  if (!fd) return std::unexpected(std::move(fd.error()));
  const std::size_t index = sockets.size();
  sockets.push_back({&source, std::move(*fd), false});
  return loop.add(sockets.back().fd.get(), EPOLLIN,
                  [this, index](std::uint32_t) { on_readable(index); });
}

Result<void> Collector::Work::open() {
  qlen = read_sysctl(settings.qlen_file);
  for (const Source& source : settings.sources) {
    if (!source.takes_datagrams() || source.socket.empty()) continue;
    if (auto done = listen(source); !done) return done;
  }
  if (!sockets.empty() && qlen && *qlen < kQlenWarning)
    notes.push_back("net.unix.max_dgram_qlen was " + std::to_string(*qlen) +
                    " when the TLSRPT sockets were made: bursts of more datagrams are lost at the "
                    "sender, unseen; set it to " +
                    std::to_string(kQlenShipped) + " and restart");
  every.start(kCommitEvery);
  return {};
}

bool Collector::Work::allowed(const std::optional<ucred>& sender) {
  if (!sender) return false;
  if (last_sender && last_sender->uid == sender->uid && last_sender->gid == sender->gid)
    return last_allowed;
  last_sender = sender;
  last_allowed = settings.peers.allows({sender->pid, sender->uid, sender->gid, {}});
  return last_allowed;
}

void Collector::Work::take(const DatagramBatch::Datagram& datagram, const Source& source,
                           Time now) {
  ++counters.datagrams;
  if (!allowed(datagram.sender)) {
    ++counters.foreign;
    return;
  }
  if (datagram.truncated) {
    ++counters.truncated;
    return;
  }
  if (tally.again(source.name, datagram.text, now)) {
    ++counters.counted;
    return;
  }
  const auto event = reader.read(datagram.text);
  if (!event) {
    ++counters.garbage[static_cast<std::size_t>(event.error())];
    return;
  }
  ++counters.counted;
  tally.add(source.name, kOrigin, **event, now, datagram.text);
}

// Whether there may be more.
bool Collector::Work::drain(Listening& listening) {
  const int count = batch.receive(listening.fd.get());
  if (count < 0) {
    if (errno != EAGAIN && errno != EINTR) ++counters.receive_errors;
    return false;
  }
  const Time now = clock();
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i)
    take(batch.at(i), *listening.source, now);
  return static_cast<std::size_t>(count) == DatagramBatch::kBatch;
}

void Collector::Work::on_readable(std::size_t index) {
  Listening& listening = sockets[index];
  bool more = true;
  for (int i = 0; i < kBatchesPerTurn && more; ++i) more = drain(listening);
  if (tally.full()) flush();
  if (more || !busy || listening.paused) return;
  listening.paused = true;
  loop.modify(listening.fd.get(), 0);
  if (!pause.running()) pause.start(kPause);
}

void Collector::Work::look() {
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    if (!sockets[i].paused) continue;
    bool more = true;
    for (int k = 0; k < kBatchesPerTurn && more; ++k) more = drain(sockets[i]);
    if (busy && !more) continue;
    sockets[i].paused = false;
    loop.modify(sockets[i].fd.get(), EPOLLIN);
  }
  if (tally.full()) flush();
  for (const Listening& listening : sockets) {
    if (listening.paused && !pause.running()) pause.start(kPause);
  }
}

void Collector::Work::tick() {
  every.start(kCommitEvery);
  // A short queue does not hold what comes in a pause.
  busy = counters.datagrams - at_last_tick > kBusyRate && qlen.value_or(0) >= kQlenWarning;
  at_last_tick = counters.datagrams;
  flush();
}

void Collector::Work::flush() {
  counters.tally = tally.counters();
  if (!tally.empty() && writer.ready()) writer.submit(tally.take());
}

Collector::Collector() = default;

Result<std::unique_ptr<Collector>> Collector::create(EventLoop& loop, CollectorSettings settings,
                                                     TallyWriter& writer, Clock clock) {
  std::unique_ptr<Collector> collector(new Collector);
  collector->work_ = std::make_unique<Work>(loop, std::move(settings), writer, std::move(clock));
  if (auto done = collector->work_->open(); !done) return std::unexpected(std::move(done.error()));
  return collector;
}

Collector::~Collector() {
  for (Work::Listening& listening : work_->sockets) {
    work_->loop.remove(listening.fd.get());
    for (int i = 0; i < kBatchesAtEnd && work_->drain(listening); ++i) {
    }
  }
  if (!work_->tally.empty()) work_->writer.submit(work_->tally.take());
}

void Collector::flush() {
  work_->flush();
}

const CollectorCounters& Collector::counters() const {
  return work_->counters;
}

const std::vector<std::string>& Collector::notes() const {
  return work_->notes;
}

std::optional<int> Collector::qlen() const {
  return work_->qlen;
}

struct CollectorThread::Work {
  std::unique_ptr<EventLoop> loop;
  std::unique_ptr<Collector> collector;
  std::unique_ptr<Timer> every;
  mutable std::mutex mutex;
  CollectorCounters counters;
  std::thread thread;

  void publish() {
    const std::lock_guard lock(mutex);
    counters = collector->counters();
  }
};

CollectorThread::CollectorThread() : work_(std::make_unique<Work>()) {}

Result<std::unique_ptr<CollectorThread>> CollectorThread::start(CollectorSettings settings,
                                                                TallyWriter& writer,
                                                                Collector::Clock clock) {
  std::unique_ptr<CollectorThread> out(new CollectorThread);
  Work& work = *out->work_;
  auto loop = EventLoop::create();
  if (!loop) return std::unexpected(std::move(loop.error()));
  work.loop = std::move(*loop);
  auto collector = Collector::create(*work.loop, std::move(settings), writer, std::move(clock));
  if (!collector) return std::unexpected(std::move(collector.error()));
  work.collector = std::move(*collector);
  work.every = std::make_unique<Timer>(*work.loop, [&work] {
    work.publish();
    work.every->start(kCommitEvery);
  });
  work.every->start(kCommitEvery);
  work.thread = std::thread([&work] { work.loop->run(); });
  return out;
}

CollectorThread::~CollectorThread() {
  if (!work_->thread.joinable()) return;
  work_->loop->post([this] { work_->loop->stop(); });
  work_->thread.join();
}

CollectorCounters CollectorThread::counters() const {
  const std::lock_guard lock(work_->mutex);
  return work_->counters;
}

const std::vector<std::string>& CollectorThread::notes() const {
  return work_->collector->notes();
}

std::optional<int> CollectorThread::qlen() const {
  return work_->collector->qlen();
}

}  // namespace mxw::reportd
