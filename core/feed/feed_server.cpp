#include "core/feed/feed_server.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include "core/feed/codec.hpp"

namespace mxw::feed {
namespace {

// Of one reader and turn: 2 MiB at most, then the others have theirs.
constexpr int kRoundsPerTurn = 8;
constexpr int kAccountPagesPerTurn = 64;

bool is_of(const rows::Change& change, const rows::Deletion& set) {
  if (const auto* route = std::get_if<rows::RouteRow>(&change))
    return set.table == rows::Table::mx_route && route->tenant == set.tenant &&
           route->policy_domain == set.name;
  if (const auto* tlsa = std::get_if<rows::TlsaRow>(&change))
    return set.table == rows::Table::tlsa && tlsa->tenant == set.tenant && tlsa->base == set.name;
  return false;
}

// How many rows behind the deletion at `place` are the set that took the place of the old one: a
// replacement is one commit of the store, the deletion first (core/store).
std::size_t set_behind(const std::vector<rows::Change>& page, std::size_t place) {
  const auto* const set = std::get_if<rows::Deletion>(&page[place]);
  if (set == nullptr) return 0;
  std::size_t count = 0;
  while (place + 1 + count < page.size() && count < kPuts && is_of(page[place + 1 + count], *set))
    ++count;
  return count;
}

// Whether the last rows of the page are a set that may go on behind it.
bool set_is_open(const std::vector<rows::Change>& page) {
  std::size_t place = page.size();
  while (place-- > 0) {
    if (!std::holds_alternative<rows::RouteRow>(page[place]) &&
        !std::holds_alternative<rows::TlsaRow>(page[place]))
      break;
  }
  if (place >= page.size()) return false;
  const std::size_t count = set_behind(page, place);
  return std::holds_alternative<rows::Deletion>(page[place]) && count < kPuts &&
         place + 1 + count == page.size();
}

}  // namespace

struct FeedServer::Reader {
  enum class Phase : std::uint8_t { hello, current, changes, gone };

  Reader(FeedServer& server, ReaderId number, Fd socket, uid_t who)
      : id(number), fd(std::move(socket)), user(who), hello(server.loop_, [this, &server] {
          ++server.counters_.silent;
          server.drop(*this);
        }) {}

  [[nodiscard]] bool page_done() const { return next == page.size(); }
  [[nodiscard]] bool flushed() const { return sent == out.size(); }

  ReaderId id;
  Fd fd;
  uid_t user;
  Timer hello;
  Phase phase = Phase::hello;
  std::string in;           // the first line, as far as it came
  rows::Sequence at = 0;    // of the last row read: in current(), or of the changes
  rows::Sequence head = 0;  // when the telling of everything began
  std::vector<rows::Change> page;
  std::size_t next = 0;  // of the page, to be encoded
  std::string out;
  std::size_t sent = 0;
  rows::Sequence joined = 0;  // changes above this are in total_
  std::uint64_t has = 0;      // of total_
  bool caught_up = false;
};

FeedServer::FeedServer(EventLoop& loop, Source& source, Options options)
    : loop_(loop),
      source_(source),
      options_(std::move(options)),
      work_(loop, [this] { work(); }),
      bury_(loop, [this] { gone_.clear(); }) {}

Result<std::unique_ptr<FeedServer>> FeedServer::create(EventLoop& loop, int listen_fd,
                                                       Source& source, Options options) {
  ipc::PeerCheck peers = options.peers;
  std::unique_ptr<FeedServer> server(new FeedServer(loop, source, std::move(options)));
  FeedServer* self = server.get();
  auto acceptor = ipc::Acceptor::create(
      loop, listen_fd, std::move(peers),
      [self] { return self->readers_.size() < self->options_.readers; },
      [self](Fd fd, const ipc::Credentials& who) { self->welcome(std::move(fd), who.uid); });
  if (!acceptor) return std::unexpected(std::move(acceptor.error()));
  server->acceptor_ = std::move(*acceptor);
  return server;
}

FeedServer::~FeedServer() {
  for (const auto& [id, reader] : readers_) loop_.remove(reader->fd.get());
}

const ipc::Acceptor::Counters& FeedServer::accept_counters() const {
  return acceptor_->counters();
}

void FeedServer::welcome(Fd fd, uid_t user) {
  const auto same = std::ranges::count_if(
      readers_, [user](const auto& reader) { return reader.second->user == user; });
  if (static_cast<std::size_t>(same) >= options_.readers_of_user) {
    ++counters_.crowded;
    return;
  }
  // Without readers nobody counted what was committed.
  if (readers_.empty()) accounted_ = source_.head().value_or(0);
  const ReaderId id = ++last_id_;
  const int number = fd.get();
  if (!loop_.add(number, EPOLLIN, [this, id](std::uint32_t events) { on_events(id, events); }))
    return;
  const auto at =
      readers_.emplace(id, std::make_unique<Reader>(*this, id, std::move(fd), user)).first;
  at->second->hello.start(options_.hello_ns);
}

FeedServer::Reader* FeedServer::find(ReaderId id) {
  const auto at = readers_.find(id);
  return at == readers_.end() ? nullptr : at->second.get();
}

void FeedServer::on_events(ReaderId id, std::uint32_t events) {
  Reader* reader = find(id);
  if (reader == nullptr) return;
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_from(*reader);
  if ((events & EPOLLOUT) != 0 && reader->phase != Reader::Phase::gone) pump(*reader);
}

void FeedServer::read_from(Reader& reader) {
  char octets[kHelloBytes + 1];
  const ssize_t count = ::recv(reader.fd.get(), octets, sizeof octets, 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return drop(reader);
  if (reader.phase == Reader::Phase::hello) {
    reader.in.append(octets, static_cast<std::size_t>(count));
    const std::size_t end = reader.in.find('\n');
    if (end == std::string::npos && reader.in.size() <= kHelloBytes) return;
    if (end + 1 == reader.in.size()) return take_hello(reader);
  }
  ++counters_.misbehaved;
  drop(reader);
}

void FeedServer::take_hello(Reader& reader) {
  const auto from = decode_hello(std::string_view(reader.in).substr(0, reader.in.size() - 1));
  if (!from) {
    ++counters_.misbehaved;
    return drop(reader);
  }
  reader.hello.stop();
  reader.in = {};
  reader.phase = Reader::Phase::changes;
  reader.at = *from;
  reader.joined = accounted_;
  reader.has = total_;
  if (*from != 0 || begin_reset(reader)) pump(reader);
}

void FeedServer::notify() {
  if (!readers_.empty() && !work_.running()) work_.start(0);
}

void FeedServer::work() {
  account();
  std::vector<ReaderId> ids;
  ids.reserve(readers_.size());
  for (const auto& [id, reader] : readers_) ids.push_back(id);
  for (const ReaderId id : ids) {
    Reader* reader = find(id);
    if (reader == nullptr || reader->phase == Reader::Phase::hello) continue;
    pump(*reader);
    if (reader->phase == Reader::Phase::gone || reader->caught_up) continue;
    if (total_ - reader->has <= options_.behind_bytes) continue;
    ++counters_.cut_off;
    drop(*reader);
  }
}

// How much was committed, in octets of the feed: what a reader that stands still is behind by.
void FeedServer::account() {
  for (int i = 0; i < kAccountPagesPerTurn; ++i) {
    if (!account_page()) return;
  }
  work_.start(0);
}

bool FeedServer::account_page() {
  const auto changes = source_.changes_since(accounted_, options_.page_rows);
  if (!changes) return false;  // told where a reader's own page is read
  if (changes->reset) {
    accounted_ = source_.head().value_or(0);
    return false;
  }
  accounted_ = changes->head;
  std::string line;
  for (const rows::Change& change : changes->rows) {
    line.clear();
    append_line(line, change);
    total_ += line.size();
  }
  return !changes->rows.empty();
}

void FeedServer::pump(Reader& reader) {
  reader.caught_up = false;
  bool more = true;
  for (int i = 0; i < kRoundsPerTurn && more; ++i) {
    if (!flush(reader)) return;
    if (!reader.flushed()) break;
    more = fill(reader);
    if (reader.phase == Reader::Phase::gone) return;
  }
  if (!more) {
    reader.caught_up = true;
    reader.has = total_;
  }
  loop_.modify(reader.fd.get(), more ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

// Puts into the buffer what comes next. False: there is nothing, or the reader is gone.
// REQUIRES: the buffer is empty.
bool FeedServer::fill(Reader& reader) {
  reader.out.clear();
  reader.sent = 0;
  if (reader.page_done()) {
    reader.page.clear();
    reader.next = 0;
    const bool current = reader.phase == Reader::Phase::current;
    if (!(current ? next_current(reader) : next_changes(reader))) return false;
  }
  encode_page(reader);
  return true;
}

bool FeedServer::begin_reset(Reader& reader) {
  const auto head = source_.head();
  if (!head) return failed(reader, head.error());
  ++counters_.resets;
  reader.phase = Reader::Phase::current;
  reader.at = 0;
  reader.head = *head;
  reader.joined = accounted_;
  reader.has = total_;
  append_reset(reader.out, *head);
  return true;
}

// Up to the empty page: a row changed meanwhile has a sequence above the head and is told too, or
// the reader would miss it between the end and the changes that follow.
bool FeedServer::next_current(Reader& reader) {
  auto rows = source_.current(reader.at, options_.page_rows);
  if (!rows) return failed(reader, rows.error());
  if (rows->empty()) {
    append_end(reader.out, reader.head);
    reader.phase = Reader::Phase::changes;
    reader.at = reader.head;
    return true;
  }
  const rows::Sequence last = sequence_of(rows->back());
  if (last <= reader.at) return failed(reader, {ErrorKind::input, "rows do not come in order"});
  reader.at = last;
  reader.page = std::move(*rows);
  return true;
}

bool FeedServer::next_changes(Reader& reader) {
  auto changes = source_.changes_since(reader.at, options_.page_rows);
  if (!changes) return failed(reader, changes.error());
  if (changes->reset) return begin_reset(reader);
  if (changes->rows.empty()) return false;
  if (changes->head <= reader.at)
    return failed(reader, {ErrorKind::input, "changes do not come in order"});
  reader.at = changes->head;
  reader.page = std::move(changes->rows);
  return finish_set(reader);
}

// Brings the rest of a set the page ends in: at most kPuts rows, of at most 2 KiB.
bool FeedServer::finish_set(Reader& reader) {
  while (set_is_open(reader.page)) {
    auto more = source_.changes_since(reader.at, options_.page_rows);
    if (!more) return failed(reader, more.error());
    if (more->reset || more->rows.empty()) return true;
    if (more->head <= reader.at)
      return failed(reader, {ErrorKind::input, "changes do not come in order"});
    reader.at = more->head;
    std::ranges::move(more->rows, std::back_inserter(reader.page));
  }
  return true;
}

void FeedServer::encode_page(Reader& reader) {
  while (!reader.page_done() && reader.out.size() < options_.buffer_bytes) {
    const auto puts = static_cast<std::uint32_t>(set_behind(reader.page, reader.next));
    const rows::Change& change = reader.page[reader.next++];
    const std::size_t before = reader.out.size();
    if (puts > 0)
      append_line(reader.out, std::get<rows::Deletion>(change), puts);
    else
      append_line(reader.out, change);
    ++counters_.lines;
    const bool counted =
        reader.phase == Reader::Phase::changes && sequence_of(change) > reader.joined;
    if (counted) reader.has = std::min(total_, reader.has + reader.out.size() - before);
  }
}

// False: the reader is gone.
bool FeedServer::flush(Reader& reader) {
  while (!reader.flushed()) {
    const ssize_t count = ::send(reader.fd.get(), reader.out.data() + reader.sent,
                                 reader.out.size() - reader.sent, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return true;
    if (count < 0) {
      drop(reader);
      return false;
    }
    reader.sent += static_cast<std::size_t>(count);
    counters_.bytes += static_cast<std::size_t>(count);
  }
  return true;
}

bool FeedServer::failed(Reader& reader, const Error& error) {
  ++counters_.source_errors;
  last_error_ = error.message;
  drop(reader);
  return false;
}

void FeedServer::drop(Reader& reader) {
  const auto at = readers_.find(reader.id);
  if (at == readers_.end()) return;
  loop_.remove(reader.fd.get());
  reader.fd.reset();
  reader.hello.stop();
  reader.phase = Reader::Phase::gone;
  gone_.push_back(std::move(at->second));
  readers_.erase(at);
  bury_.start(0);
}

}  // namespace mxw::feed
