// SeqpacketServer: small messages on a unix SEQPACKET socket, one JSON object per packet as control
// and ask sockets have it (semantics 6, 11). It does not look into the messages.
//
// Hostile peers are data: a message over the limit (MSG_TRUNC), an empty one, a peer that does not
// read its answers, one that is not allowed: each is closed and counted, the others do not notice.
// One thread, the loop's. Create and destroy it outside of its own callbacks.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/event_loop.hpp"
#include "core/ipc/acceptor.hpp"
#include "core/ipc/request.hpp"

namespace mxw::ipc {

class SeqpacketServer {
 public:
  using PeerId = std::uint64_t;  // never used twice

  // One connection. A reference is good for the call that brought it; for later keep the id().
  class Peer {
   public:
    [[nodiscard]] PeerId id() const { return id_; }
    [[nodiscard]] const Credentials& credentials() const { return credentials_; }
    // As SeqpacketServer::send().
    bool send(std::string message) { return server_.send(id_, std::move(message)); }
    void close() { server_.close(id_); }

   private:
    friend class SeqpacketServer;
    Peer(SeqpacketServer& server, PeerId id, Fd fd, Credentials credentials);

    SeqpacketServer& server_;
    PeerId id_;
    Fd fd_;
    Credentials credentials_;
    std::deque<std::string> queue_;  // not yet taken by the kernel
    std::size_t queued_bytes_ = 0;
  };

  struct Options {
    std::size_t message_bytes = kRequestBytes;
    std::size_t reply_bytes = kAnswerBytes;
    std::size_t connections = 256;       // daemons and tools of one host: a dozen
    std::size_t queue_bytes = 1 << 20;   // answers waiting for one peer
    std::size_t queue_messages = 2'048;  // twice the 1,024 questions in flight of semantics 11
    int messages_per_turn = 32;          // of one peer, then the others have their turn
  };

  struct Counters {
    std::uint64_t messages = 0, replies = 0;
    std::uint64_t too_large = 0;    // peers closed for a message over the limit
    std::uint64_t not_reading = 0;  // peers closed with a full queue
    std::uint64_t bad_replies = 0;  // empty or over the limit: not sent, the peer closed
  };

  using Handler = std::function<void(Peer&, std::string_view message)>;
  using Closed = std::function<void(PeerId)>;  // once for each peer gone, in the next turn

  // `listen_fd` (listen_on() or adopt(), seqpacket) stays the caller's and outlives the server.
  static Result<std::unique_ptr<SeqpacketServer>> create(EventLoop& loop, int listen_fd,
                                                         PeerCheck peers, Handler handler,
                                                         Options options, Closed closed = {});
  static Result<std::unique_ptr<SeqpacketServer>> create(EventLoop& loop, int listen_fd,
                                                         PeerCheck peers, Handler handler) {
    return create(loop, listen_fd, std::move(peers), std::move(handler), Options{});
  }
  ~SeqpacketServer();
  SeqpacketServer(const SeqpacketServer&) = delete;
  SeqpacketServer& operator=(const SeqpacketServer&) = delete;

  // False: that peer is gone, or goes now because it does not read.
  bool send(PeerId peer, std::string message);
  void close(PeerId peer);

  [[nodiscard]] std::size_t connections() const { return peers_.size(); }
  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] const Acceptor::Counters& accept_counters() const { return acceptor_->counters(); }

 private:
  SeqpacketServer(EventLoop& loop, Handler handler, Options options, Closed closed);
  Peer* find(PeerId id);
  void welcome(Fd fd, Credentials credentials);
  void on_events(PeerId id, std::uint32_t events);
  bool read_one(PeerId id);
  void flush(PeerId id);
  void bury();

  EventLoop& loop_;
  Handler handler_;
  Options options_;
  Closed closed_;
  std::string buffer_;  // one message of any peer, and one octet more
  PeerId last_id_ = 0;
  std::unordered_map<PeerId, std::unique_ptr<Peer>> peers_;
  std::vector<std::unique_ptr<Peer>> gone_;  // closed, perhaps still on the stack
  Timer bury_;
  Counters counters_;
  std::unique_ptr<Acceptor> acceptor_;
};

}  // namespace mxw::ipc
