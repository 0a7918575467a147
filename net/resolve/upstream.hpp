// Upstream: one DNS server, asked through a c-ares channel of its own, so that it is always known
// who answered. One attempt a question, UDP and on TC (or over kUdpBytes) TCP; trying again and
// trying others is the Resolver's. Belongs to the loop's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/event_loop.hpp"
#include "core/base/ip.hpp"
#include "core/base/result.hpp"

struct ares_channeldata;

namespace mxw::resolve {

enum class Transport : std::uint8_t { answered, timeout, unreachable };

class Upstream {
 public:
  // Called from within c-ares, perhaps from within ask(): it must neither ask() nor destroy the
  // Upstream. `answer` is borrowed for the call.
  using Done = std::function<void(std::uint64_t token, Transport transport, Bytes answer)>;

  // `timeout_ns` is for one datagram or one TCP exchange, at least a millisecond. `loop` must
  // outlive this. Error (environment) when c-ares cannot start.
  static Result<std::unique_ptr<Upstream>> create(EventLoop& loop, const Endpoint& server,
                                                  std::int64_t timeout_ns, Done done);
  ~Upstream();  // what is in flight is dropped, Done is not called
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;

  // Done comes exactly once for each call.
  void ask(std::uint64_t token, Bytes query);

 private:
  struct Asked;

  Upstream(EventLoop& loop, Done done);
  static void on_answer(void* asked, int status, int timeouts, unsigned char* octets, int size);
  static void on_socket_state(void* upstream, int fd, int readable, int writable);
  void watch(int fd, std::uint32_t events);
  void process(int readable_fd, int writable_fd);
  void set_timer();

  EventLoop& loop_;
  Done done_;
  ares_channeldata* channel_ = nullptr;
  Timer timer_;
};

}  // namespace mxw::resolve
