#include "net/resolve/upstream.hpp"

#include <ares.h>
#include <sys/time.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "core/base/check.hpp"
#include "net/resolve/query.hpp"

namespace mxw::resolve {
namespace {

// c-ares keeps global state once a process; nothing of it is ever given back.
int library_status() {
  static const int status = ares_library_init(ARES_LIB_INIT_ALL);
  return status;
}

// NOCHECKRESP: SERVFAIL and REFUSED come to us as they are, else they and a closed port look alike.
// EDNS: tells c-ares the size above which it asks again over TCP; the OPT record itself is ours.
// When a server answers FORMERR c-ares cuts those last 11 octets off, asks once more, and from then
// on takes only 512 octets from it over UDP.
int start_channel(ares_channel& channel, std::int64_t timeout_ns, ares_sock_state_cb on_state,
                  void* data) {
  ares_options options{};
  options.flags = ARES_FLAG_NOCHECKRESP | ARES_FLAG_EDNS | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
  options.timeout = static_cast<int>(std::max<std::int64_t>(timeout_ns / kMillisecond, 1));
  options.tries = 1;
  options.ednspsz = kUdpBytes;
  options.sock_state_cb = on_state;
  options.sock_state_cb_data = data;
  // Neither the system's servers nor its options are wanted; they would be read from here.
  std::string no_file = "/dev/null";
  options.resolvconf_path = no_file.data();
  return ares_init_options(&channel, &options,
                           ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
                               ARES_OPT_SOCK_STATE_CB | ARES_OPT_RESOLVCONF);
}

int set_server(ares_channel channel, const Endpoint& server) {
  ares_addr_port_node node{};
  node.family = server.address.v4() ? AF_INET : AF_INET6;
  std::memcpy(&node.addr, server.address.octets.data(), server.address.size());
  node.udp_port = node.tcp_port = server.port;
  return ares_set_servers_ports(channel, &node);
}

}  // namespace

struct Upstream::Asked {
  Upstream* upstream;
  std::uint64_t token;
};

Upstream::Upstream(EventLoop& loop, Done done)
    : loop_(loop),
      done_(std::move(done)),
      timer_(loop, [this] { process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); }) {}

Result<std::unique_ptr<Upstream>> Upstream::create(EventLoop& loop, const Endpoint& server,
                                                   std::int64_t timeout_ns, Done done) {
  std::unique_ptr<Upstream> upstream(new Upstream(loop, std::move(done)));
  int status = library_status();
  if (status == ARES_SUCCESS) {
    status = start_channel(upstream->channel_, timeout_ns, on_socket_state, upstream.get());
  }
  if (status == ARES_SUCCESS) status = set_server(upstream->channel_, server);
  if (status == ARES_SUCCESS) return upstream;
  return fail(ErrorKind::environment, std::string("c-ares: ") + ares_strerror(status));
}

Upstream::~Upstream() {
  done_ = nullptr;
  if (channel_ != nullptr) ares_destroy(channel_);
}

void Upstream::ask(std::uint64_t token, Bytes query) {
  ares_send(channel_, query.data(), static_cast<int>(query.size()), on_answer,
            new Asked{this, token});
  set_timer();
}

void Upstream::on_answer(void* asked, int status, int /*timeouts*/, unsigned char* octets,
                         int size) {
  const std::unique_ptr<Asked> owned(static_cast<Asked*>(asked));
  const Done& done = owned->upstream->done_;
  if (!done) return;
  if (status == ARES_SUCCESS) {
    done(owned->token, Transport::answered, Bytes(octets, static_cast<std::size_t>(size)));
  } else {
    done(owned->token, status == ARES_ETIMEOUT ? Transport::timeout : Transport::unreachable, {});
  }
}

void Upstream::on_socket_state(void* upstream, int fd, int readable, int writable) {
  const unsigned events =
      (readable != 0 ? unsigned{EPOLLIN} : 0U) | (writable != 0 ? unsigned{EPOLLOUT} : 0U);
  static_cast<Upstream*>(upstream)->watch(fd, events);
}

void Upstream::watch(int fd, std::uint32_t events) {
  if (events == 0) {
    loop_.remove(fd);
  } else if (loop_.watched(fd)) {
    loop_.modify(fd, events);
  } else {
    // When the kernel refuses to watch it, the attempt ends with its timeout.
    (void)loop_.add(fd, events, [this, fd](std::uint32_t ready) {
      const bool failed = (ready & (EPOLLERR | EPOLLHUP)) != 0;
      process(failed || (ready & EPOLLIN) != 0 ? fd : ARES_SOCKET_BAD,
              failed || (ready & EPOLLOUT) != 0 ? fd : ARES_SOCKET_BAD);
    });
  }
}

void Upstream::process(int readable_fd, int writable_fd) {
  ares_process_fd(channel_, readable_fd, writable_fd);
  set_timer();
}

void Upstream::set_timer() {
  timeval wait{};
  if (ares_timeout(channel_, nullptr, &wait) == nullptr) return timer_.stop();
  timer_.start(wait.tv_sec * kSecond + wait.tv_usec * kMicrosecond);
}

}  // namespace mxw::resolve
