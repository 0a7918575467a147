// Control: the operator's socket (semantics 6): what `mxwarden policy` asks policyd to say or do.
// One JSON object per packet; `{"v":1,"cmd":...}` gives `{"v":1,"ok":true,...}` or
// `{"v":1,"ok":false,"error":"..."}`.
//
//   status                          what is stored, what runs
//   policy-show {domain}            domain row, current policy, routes, TLSA, TLSRPT, events
//   policy-history {domain}         all policies of a domain without their texts
//   policy-body {domain, at?, offset}   {body, size}: a piece of the text as served, as base64
//   policy-list {after?, at?}       {rows, next?}: policies (of that time) and routes, page by
//   page;
//                                   a page without rows and with `next` is not the last
//   policy-refresh {domain}         looks anew as soon as there is a place
//   policy-remove {domain, reason}  ends the current policy; the next look may bring it back
//   policy-import {domain, id?, fetched_at?, body}
//
// Rows are those of the feed (core/feed/codec.hpp); bodies are left out but in policy-body.
// Belongs to the loop's thread; engine and store outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/ipc/json_message.hpp"
#include "core/ipc/seqpacket_server.hpp"
#include "core/store/policy_store.hpp"
#include "policyd/engine.hpp"
#include "policyd/import_policy.hpp"

namespace mxw::policyd {

class Control {
 public:
  // A message holds a policy of 64 KiB as JSON (up to six octets for one) as far as the kernel
  // takes such a packet: net.core.wmem_default, 208 KiB.
  static constexpr std::size_t kMessageBytes = 200 << 10;
  static constexpr std::size_t kReplyBytes = 64 << 10;
  static constexpr std::size_t kBodyPiece = 32 << 10;  // of policy-body, before base64
  static constexpr std::size_t kListRows = 64;
  static constexpr std::size_t kListPages = 16;  // of kListRows, looked through per request

  static Result<std::unique_ptr<Control>> create(EventLoop& loop, int listen_fd,
                                                 ipc::PeerCheck peers, Engine& engine,
                                                 store::PolicyStore& store,
                                                 std::function<Time()> clock);

  // After an import, a removal or an asked refresh was committed.
  using Committed = std::function<void(const rows::EventRow& event)>;
  void on_commit(Committed callback) { committed_ = std::move(callback); }

  // The answer to one message; public for tests and fuzzing: total on any octets. Events of what
  // was done name `who`.
  [[nodiscard]] std::string answer(std::string_view message, uid_t who);

 private:
  [[nodiscard]] std::string change(const ipc::JsonMessage& message, const std::string& domain,
                                   const std::string& cmd, const std::string& who);
  [[nodiscard]] std::string refresh(rows::EventRow event);
  [[nodiscard]] std::string remove(rows::EventRow event, const std::string& reason);
  [[nodiscard]] std::string import(const ImportText& text, Time now, const std::string& who);

  Control(Engine& engine, store::PolicyStore& store, std::function<Time()> clock)
      : engine_(engine), store_(store), clock_(std::move(clock)) {}

  Engine& engine_;
  store::PolicyStore& store_;
  std::function<Time()> clock_;
  Committed committed_;
  std::unique_ptr<ipc::SeqpacketServer> server_;
};

}  // namespace mxw::policyd
