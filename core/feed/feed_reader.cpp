#include "core/feed/feed_reader.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/ipc/connect.hpp"

namespace mxw::feed {
namespace {

constexpr std::size_t kPiece = 64 << 10;
constexpr int kPiecesPerTurn = 16;  // 1 MiB, then the loop's other work has its turn

}  // namespace

FeedReader::FeedReader(EventLoop& loop, std::string path, Observer& observer, rows::Sequence from)
    : loop_(loop),
      path_(std::move(path)),
      observer_(observer),
      sequence_(from),
      buffer_(kPiece, '\0'),
      retry_(loop, [this] { connect(); }) {}

Result<std::unique_ptr<FeedReader>> FeedReader::create(EventLoop& loop, std::string socket_path,
                                                       Observer& observer, rows::Sequence from) {
  if (socket_path.size() > ipc::kPathBytes)
    return fail(ErrorKind::usage, socket_path + ": the path is longer than unix sockets take");
  std::unique_ptr<FeedReader> reader(new FeedReader(loop, std::move(socket_path), observer, from));
  reader->retry_.start(0);
  return reader;
}

FeedReader::~FeedReader() {
  if (fd_) loop_.remove(fd_.get());
}

void FeedReader::connect() {
  auto fd = ipc::connect_unix(path_, ipc::SocketType::stream);
  std::string hello;
  append_hello(hello, sequence());
  // A new socket has room for the whole line.
  if (!fd ||
      ::send(fd->get(), hello.data(), hello.size(), MSG_NOSIGNAL) !=
          static_cast<ssize_t>(hello.size()) ||
      !loop_.add(fd->get(), EPOLLIN, [this](std::uint32_t events) { on_events(events); })) {
    retry_.start(backoff_.next());
    return;
  }
  fd_ = std::move(*fd);
  lines_.clear();
  held_.clear();  // asked for again
  wanted_ = 0;
  ++counters_.connects;
  observer_.on_state(true);
}

void FeedReader::on_events(std::uint32_t) {
  const std::uint64_t before = counters_.lines;
  bool open = true;
  for (int i = 0; i < kPiecesPerTurn && open && read_some(open); ++i) {
  }
  if (counters_.lines != before) observer_.on_batch();
  if (!open) disconnect();
}

// Whether there may be more now; `open` becomes false at the end of the connection.
bool FeedReader::read_some(bool& open) {
  const ssize_t count = ::recv(fd_.get(), buffer_.data(), buffer_.size(), 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  open = count > 0;
  if (!open) return false;
  const auto size = static_cast<std::size_t>(count);
  counters_.bytes += size;
  lines_.feed(std::string_view(buffer_).substr(0, size));
  while (const auto line = lines_.next()) take(*line);
  counters_.too_long = lines_.too_long();
  return true;
}

void FeedReader::take(std::string_view text) {
  Line line = decode(text);
  ++counters_.lines;
  ++counters_.skipped[static_cast<std::size_t>(line.skip)];
  // An owner that tells nothing sensible is not come back to in a hurry.
  if (line.skip == Skip::none) backoff_.reset();
  take(std::move(line));
}

// A put that is skipped is one of those announced all the same. Anything else than a put ends the
// set, whatever was announced.
void FeedReader::take(Line&& line) {
  if (wanted_ > 0 && line.op == Op::put) {
    held_.push_back(std::move(line));
    if (--wanted_ == 0) tell_held();
    return;
  }
  tell_held();
  if (line.op == Op::del && line.puts > 0) {
    wanted_ = line.puts;
    held_.push_back(std::move(line));
    return;
  }
  tell(line);
}

void FeedReader::tell_held() {
  wanted_ = 0;
  for (const Line& line : std::exchange(held_, {})) tell(line);
}

void FeedReader::tell(const Line& line) {
  if (line.skip == Skip::none && line.op == Op::reset) {
    ++counters_.resets;
    resetting_ = true;
    observer_.on_reset();
  } else if (line.skip == Skip::none && line.op == Op::end) {
    if (!resetting_) return;
    resetting_ = false;
    sequence_ = line.seq;
    observer_.on_end(line.seq);
  } else {
    if (line.change) observer_.on_change(*line.change);
    if (!resetting_) sequence_ = std::max(sequence_, line.seq);
  }
}

void FeedReader::start_over() {
  ++counters_.started_over;
  sequence_ = 0;
  if (fd_) disconnect();
}

void FeedReader::disconnect() {
  loop_.remove(fd_.get());
  fd_.reset();
  ++counters_.disconnects;
  retry_.start(backoff_.next());
  observer_.on_state(false);
}

}  // namespace mxw::feed
