// FeedServer: tells the rows of a Source to its readers over a unix stream socket (semantics 6).
//
// Every reader has its own place: rows are read page by page as its socket drains, so that what is
// kept for one of them is bounded by a page and a buffer, however slow it is and however much there
// is to tell. One that lets more than `behind_bytes` of changes pile up since it last had them all
// is cut off; it comes back and gets what it missed, or everything. A change that was told is one
// that was committed: the owner calls notify() after its commit, readers get it in the loop's next
// turn. A set that was replaced is announced with its size, so that readers take it in one piece.
// One thread, the loop's.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/event_loop.hpp"
#include "core/feed/source.hpp"
#include "core/ipc/acceptor.hpp"

namespace mxw::feed {

class FeedServer {
 public:
  struct Options {
    ipc::PeerCheck peers;
    std::size_t readers = 32;              // map, milter, reportd, tools of one host, and slack
    std::size_t readers_of_user = 8;       // so that one user cannot take all places
    std::size_t behind_bytes = 64 << 20;   // semantics 6
    std::size_t buffer_bytes = 256 << 10;  // encoded for one reader; a line more at most
    std::size_t page_rows = 64;            // of 64 KiB each at worst: 4 MiB; and one whole set
    std::int64_t hello_ns = 10 * kSecond;  // from connecting to the first line
  };

  struct Counters {
    std::uint64_t lines = 0, bytes = 0;  // sent, to all
    std::uint64_t resets = 0;
    std::uint64_t cut_off = 0;        // too far behind
    std::uint64_t silent = 0;         // no first line in time
    std::uint64_t misbehaved = 0;     // a first line that is none, or octets after it
    std::uint64_t crowded = 0;        // more of one user than may be
    std::uint64_t source_errors = 0;  // readers closed because the source could not be read
  };

  // `listen_fd` (stream) and `source` stay the caller's and outlive the server.
  static Result<std::unique_ptr<FeedServer>> create(EventLoop& loop, int listen_fd, Source& source,
                                                    Options options);
  ~FeedServer();
  FeedServer(const FeedServer&) = delete;
  FeedServer& operator=(const FeedServer&) = delete;

  void notify();  // something was committed

  [[nodiscard]] std::size_t readers() const { return readers_.size(); }
  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] const ipc::Acceptor::Counters& accept_counters() const;
  [[nodiscard]] const std::string& last_error() const { return last_error_; }  // of the source

 private:
  struct Reader;
  using ReaderId = std::uint64_t;

  FeedServer(EventLoop& loop, Source& source, Options options);
  void welcome(Fd fd, uid_t user);
  Reader* find(ReaderId id);
  void on_events(ReaderId id, std::uint32_t events);
  void read_from(Reader& reader);
  void take_hello(Reader& reader);
  void work();
  void account();
  bool account_page();
  void pump(Reader& reader);
  bool fill(Reader& reader);
  bool begin_reset(Reader& reader);
  bool next_current(Reader& reader);
  bool next_changes(Reader& reader);
  bool finish_set(Reader& reader);
  void encode_page(Reader& reader);
  bool flush(Reader& reader);
  bool failed(Reader& reader, const Error& error);
  void drop(Reader& reader);

  EventLoop& loop_;
  Source& source_;
  Options options_;
  std::unordered_map<ReaderId, std::unique_ptr<Reader>> readers_;
  std::vector<std::unique_ptr<Reader>> gone_;  // closed, perhaps still on the stack
  ReaderId last_id_ = 0;
  rows::Sequence accounted_ = 0;  // changes up to here are in total_
  std::uint64_t total_ = 0;       // octets of all changes since the server began
  Timer work_;
  Timer bury_;
  Counters counters_;
  std::string last_error_;
  std::unique_ptr<ipc::Acceptor> acceptor_;
};

}  // namespace mxw::feed
