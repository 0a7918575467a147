#include "core/feed/snapshot.hpp"

#include <algorithm>
#include <utility>

#include "core/feed/feed_reader.hpp"

namespace mxw::feed {
namespace {

// Hands on to the replica and ends the loop once everything was told.
class Once final : public Observer {
 public:
  Once(EventLoop& loop, Replica& replica) : loop_(loop), replica_(replica) {}

  void on_reset() override { replica_.on_reset(); }
  void on_change(const rows::Change& change) override { replica_.on_change(change); }
  void on_batch() override { replica_.on_batch(); }
  void on_state(bool connected) override {
    connected_ = connected_ || connected;
    replica_.on_state(connected);
  }
  void on_end(rows::Sequence head) override {
    replica_.on_end(head);
    done_ = true;
    loop_.stop();
  }

  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] bool connected() const { return connected_; }

 private:
  EventLoop& loop_;
  Replica& replica_;
  bool done_ = false, connected_ = false;
};

}  // namespace

Result<void> read_all(const std::string& socket_path, Replica& replica, std::int64_t timeout_ns) {
  auto loop = EventLoop::create();
  if (!loop) return std::unexpected(std::move(loop.error()));
  Once once(**loop, replica);
  Timer late(**loop, [&loop] { (*loop)->stop(); });
  late.start(timeout_ns);
  // An owner of this host answers at once or is not there.
  Timer absent(**loop, [&] {
    if (!once.connected()) (*loop)->stop();
  });
  absent.start(std::min(timeout_ns, kConnectTimeout));
  const auto reader = FeedReader::create(**loop, socket_path, once, 0);
  if (!reader) return std::unexpected(reader.error());
  (*loop)->run();
  if (once.done()) return {};
  return fail(ErrorKind::environment,
              socket_path + (once.connected() ? ": did not tell everything in time"
                                              : ": nobody answers there, or we are not allowed"));
}

}  // namespace mxw::feed
