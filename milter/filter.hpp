// Filter: libmilter's side of the program, and the only file that knows it. Its callbacks hand
// values to a Session and turn replies and edits into libmilter's calls.
//
// Debian's libmilter is a pool of workers: the callbacks of one connection run on different
// threads, one after another. All state of a connection hangs on its context (smfi_setpriv), no
// lock is held from one callback to the next. One Filter per process: libmilter keeps its own state
// in globals.
//
// smfi_main() returns at a stop while connections live and workers may still be inside a callback:
// run() therefore waits for those inside, lets nobody in any more and ends all sessions itself. One
// that does not come out in time keeps what it uses: drained() is false, and nothing that callbacks
// reach may be destroyed.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/base/result.hpp"
#include "milter/session.hpp"

namespace mxw::milter {

class Filter {
 public:
  struct Settings {
    std::string socket;  // `local:/path`, `unix:/path`, `inet:PORT@HOST`, `inet6:PORT@HOST`
    unsigned mode = 0660;
    std::string group;  // of a unix socket; empty: as the process makes files
    unsigned backlog = 128;
    std::int64_t timeout = 7'200'000'000'000;  // for an MTA that says nothing, nanoseconds
    // At the end, for callbacks that are inside, nanoseconds: none waits for anything but a lock.
    std::int64_t drain = 5'000'000'000;
  };
  enum class Waited : std::uint8_t { rcpt, end_of_message };
  struct Hooks {  // called from any thread
    std::function<std::unique_ptr<Session>()> open;
    std::function<bool()> wants_headers;      // Authentication-Results are looked at
    std::function<bool()> tempfail_on_error;  // milter.on_internal_error
    // How long a callback took that the MTA waits for.
    std::function<void(Waited, std::int64_t ns)> took;
  };
  struct Counters {
    std::atomic<std::uint64_t> connections = 0, live = 0;
    std::atomic<std::uint64_t> exceptions = 0;       // caught at the edge to libmilter
    std::atomic<std::uint64_t> refused_edits = 0;    // libmilter or the MTA took a header not
    std::atomic<std::uint64_t> refused_replies = 0;  // a reply text not
    std::atomic<std::uint64_t> poor_offers = 0;      // MTAs that allow less than is wanted
  };

  // Registers with libmilter and opens the socket; a unix socket nobody answers on is replaced.
  // Sets the process's umask for a moment: call it before threads are made.
  // Error: usage (the socket's address), environment (it cannot be had).
  static Result<std::unique_ptr<Filter>> open(Settings settings, Hooks hooks);
  ~Filter();
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  // Serves until stop(), or until libmilter's own signal thread took SIGTERM, SIGINT or SIGHUP.
  // In a thread of its own, once. False: libmilter gave up.
  bool run();
  // From any thread. libmilter may take five seconds to notice; on a unix socket it is woken.
  void stop();

  // After run(): nobody is inside any more.
  [[nodiscard]] bool drained() const { return drained_; }

  [[nodiscard]] const Counters& counters() const;

  class Side;  // what the callbacks see
 private:
  Filter(Settings settings, Hooks hooks);
  Result<void> open_socket();

  Settings settings_;
  std::string path_;  // of a unix socket
  std::unique_ptr<Side> side_;
  std::atomic<bool> drained_ = true;
};

}  // namespace mxw::milter
