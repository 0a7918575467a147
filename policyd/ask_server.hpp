// AskServer: the ask socket (semantics 11): map and milter ask about domains here, reportd about
// names (semantics 6).
//
// `want` gets one answer after the commit, hint and reread get none, ping gets `pong` at once;
// tlsrpt, dkim-key and address get one when DNS has answered. What
// is no such message, or names no domain, is counted and gets no answer: whoever sends it has a
// deadline of its own. Belongs to the loop's thread; engine and names
// outlive it.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "core/feed/ask.hpp"
#include "core/ipc/seqpacket_server.hpp"
#include "policyd/engine.hpp"
#include "policyd/name_lookups.hpp"

namespace mxw::policyd {

class AskServer {
 public:
  static constexpr std::size_t kInFlight = 1'024;  // semantics 11: of one peer
  // All of them may be answered in one turn, before the peer can read any: 64 MiB at worst, as long
  // as that peer takes. So its peers are few: map, milter, reportd, their instances, and slack.
  static constexpr std::size_t kQueueBytes = kInFlight * feed::kAskAnswerBytes;
  static constexpr std::size_t kPeers = 32;  // as readers of the feed

  struct Counters {
    std::uint64_t wants = 0, hints = 0, rereads = 0, pings = 0;
    std::uint64_t not_understood = 0;
    std::uint64_t over_limit = 0;  // answered `unknown` or `unavailable` at once
  };

  // `listen_fd` (seqpacket) stays the caller's and outlives this. Error (environment).
  static Result<std::unique_ptr<AskServer>> create(EventLoop& loop, int listen_fd,
                                                   ipc::PeerCheck peers, Engine& engine,
                                                   NameLookups& names);

  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] const ipc::SeqpacketServer& server() const { return *server_; }

 private:
  AskServer(Engine& engine, NameLookups& names) : engine_(engine), names_(names) {}
  void on_message(ipc::SeqpacketServer::Peer& peer, std::string_view message);
  void want(ipc::SeqpacketServer::PeerId peer, std::uint64_t id, const std::string& domain);
  void lookup(ipc::SeqpacketServer::PeerId peer, const feed::AskRequest& request);
  bool begin(ipc::SeqpacketServer::PeerId peer);
  void finish(ipc::SeqpacketServer::PeerId peer, std::string message);

  Engine& engine_;
  NameLookups& names_;
  Counters counters_;
  std::unordered_map<ipc::SeqpacketServer::PeerId, std::size_t> in_flight_;
  std::unique_ptr<ipc::SeqpacketServer> server_;
  // Answers that come when this is gone go nowhere.
  std::shared_ptr<AskServer*> self_ = std::make_shared<AskServer*>(this);
};

}  // namespace mxw::policyd
