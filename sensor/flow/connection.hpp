// Connection: what the flow stage knows of one TCP connection, and StreamHandler, who consumes its
// bytes.
#pragma once

#include <cstdint>
#include <memory>

#include "core/base/bytes.hpp"
#include "core/base/ip.hpp"
#include "core/evidence/frame.hpp"
#include "core/evidence/session.hpp"

namespace mxw::flow {

using evidence::Dir;
using evidence::FrameRef;

struct Connection {
  std::uint32_t tenant = 0;
  std::uint16_t vlan = 0;
  Endpoint client, server;
  FrameRef start, last;
  bool midstream = false;
  bool cut = false;
  evidence::TcpEvidence tcp;

  [[nodiscard]] bool one_sided() const { return tcp.packets[0] == 0 || tcp.packets[1] == 0; }
};

// The consumer of one connection's two byte streams. Calls come in causal order: bytes that one
// side had acknowledged when it spoke are delivered before its words. Offsets count octets per
// direction from 0. The Connection outlives the handler and changes under it.
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;

  virtual void on_data(Dir dir, Bytes bytes, std::uint64_t offset, const FrameRef& at) = 0;
  // `length` octets are missing. `cut`: the capture's snap length, else loss.
  virtual void on_gap(Dir dir, std::uint64_t offset, std::uint64_t length, bool cut,
                      const FrameRef& at) = 0;
  // A second, different content for octets already delivered; the first one counts.
  virtual void on_conflict(Dir dir, std::uint64_t offset, Bytes kept, Bytes other,
                           const FrameRef& at) = 0;
  virtual void on_reset(Dir from, const FrameRef& at) = 0;
  virtual void on_data_after_reset(Dir from, const FrameRef& at) = 0;
  // Both directions are finished (or reset, timed out, out of input). Called once.
  virtual void on_end(evidence::Ended how, const FrameRef& at) = 0;
  // The connection leaves the table; nothing follows.
  virtual void on_removed(const FrameRef& at) = 0;

  // False: payload of this connection need not be reassembled any more.
  [[nodiscard]] virtual bool wants_data() const = 0;
  // False: the connection turned out to be none of ours; it is forgotten without on_end.
  [[nodiscard]] virtual bool wants_connection() const = 0;
  // True while a conflicting copy of delivered bytes would matter (before mail was accepted).
  [[nodiscard]] virtual bool wants_conflicts() const = 0;
};

class HandlerFactory {
 public:
  virtual ~HandlerFactory() = default;
  // nullptr: nobody wants this connection. `first` is the first segment's payload (empty for a
  // SYN).
  virtual std::unique_ptr<StreamHandler> make(const Connection& connection, Bytes first) = 0;
};

}  // namespace mxw::flow
