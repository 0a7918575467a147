#include "policyd/ask_server.hpp"

#include <utility>

namespace mxw::policyd {
namespace {

using PeerId = ipc::SeqpacketServer::PeerId;

std::string text_of(std::uint64_t id, const Answer& answer) {
  feed::AskAnswer told;
  told.id = id;
  told.state = answer.state;
  told.mode = answer.mode;
  told.mx = answer.mx;
  told.policy_id = answer.policy_id;
  told.valid_until = answer.valid_until;
  told.dane = answer.dane;
  return encode(told);
}

}  // namespace

Result<std::unique_ptr<AskServer>> AskServer::create(EventLoop& loop, int listen_fd,
                                                     ipc::PeerCheck peers, Engine& engine,
                                                     NameLookups& names) {
  std::unique_ptr<AskServer> ask(new AskServer(engine, names));
  AskServer* const self = ask.get();
  ipc::SeqpacketServer::Options options;
  options.message_bytes = feed::kAskBytes;
  options.reply_bytes = feed::kAskAnswerBytes;
  options.queue_bytes = kQueueBytes;
  options.connections = kPeers;
  auto server = ipc::SeqpacketServer::create(
      loop, listen_fd, std::move(peers),
      [self](ipc::SeqpacketServer::Peer& peer, std::string_view message) {
        self->on_message(peer, message);
      },
      options, [self](PeerId peer) { self->in_flight_.erase(peer); });
  if (!server) return std::unexpected(std::move(server.error()));
  ask->server_ = std::move(*server);
  return ask;
}

void AskServer::on_message(ipc::SeqpacketServer::Peer& peer, std::string_view message) {
  const auto request = feed::decode_request(message);
  if (!request) {
    ++counters_.not_understood;
    return;
  }
  switch (request->op) {
    case feed::AskOp::ping: {
      ++counters_.pings;
      feed::AskAnswer pong;
      pong.id = request->id;
      pong.pong = true;
      peer.send(encode(pong));
      return;
    }
    case feed::AskOp::hint:
      ++counters_.hints;
      engine_.hint(request->domain);
      return;
    case feed::AskOp::reread:
      ++counters_.rereads;
      engine_.reread(request->domain, [](const std::optional<rows::RereadRow>&) {});
      return;
    case feed::AskOp::want:
      ++counters_.wants;
      want(peer.id(), request->id, request->domain);
      return;
    case feed::AskOp::tlsrpt:
    case feed::AskOp::dkim_key:
    case feed::AskOp::address:
      lookup(peer.id(), *request);
      return;
  }
}

// Whether the peer may have one more question under way.
bool AskServer::begin(PeerId peer) {
  std::size_t& open = in_flight_[peer];
  if (open >= kInFlight) {
    ++counters_.over_limit;
    return false;
  }
  ++open;
  return true;
}

void AskServer::finish(PeerId peer, std::string message) {
  const auto at = in_flight_.find(peer);
  if (at == in_flight_.end()) return;  // the peer is gone
  --at->second;
  server_->send(peer, std::move(message));
}

void AskServer::want(PeerId peer, std::uint64_t id, const std::string& domain) {
  if (!begin(peer)) {
    server_->send(peer, text_of(id, Answer{}));
    return;
  }
  engine_.want(domain, [self = std::weak_ptr(self_), peer, id](const Answer& answer) {
    if (const auto alive = self.lock()) (*alive)->finish(peer, text_of(id, answer));
  });
}

void AskServer::lookup(PeerId peer, const feed::AskRequest& request) {
  if (!begin(peer)) {
    feed::LookupAnswer busy;
    busy.id = request.id;
    busy.reason = "busy";
    server_->send(peer, encode(busy));
    return;
  }
  names_.lookup(*feed::lookup_of(request.op), request.domain,
                [self = std::weak_ptr(self_), peer, id = request.id](feed::LookupAnswer answer) {
                  const auto alive = self.lock();
                  if (!alive) return;
                  answer.id = id;
                  (*alive)->finish(peer, encode(answer));
                });
}

}  // namespace mxw::policyd
