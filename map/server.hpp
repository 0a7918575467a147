// Server: the socketmap service for Postfix and Sendmail on the sockets of one loop.
//
// Listening descriptors are handed in and stay the caller's (the service manager's: they outlive a
// restart, and mail waits in their backlog). A hot query costs one read and one write beside the
// loop's wait; pipelined queries are answered in one write.
//
// What a client can do to others is bounded: max_connections, of which the one idle longest is
// closed for a new one; idle ones are closed after limits::kIdle; a slow reader is not read from;
// all buffers together hold limits::kAllBufferBytes, and who would exceed that is closed. Out of
// descriptors: the one idle longest is closed; with none idle the listeners pause, and clients wait
// in the backlog. A protocol error ends a connection after the replies before it.
//
// Runs in the loop's thread, which also fills the table. Loop, table, asker and names outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/event_loop.hpp"
#include "core/base/result.hpp"
#include "map/cold_desk.hpp"
#include "map/responder.hpp"
#include "map/session.hpp"

namespace mxw::map {

class Server {
 public:
  struct Settings {
    Options options;
    Waiting::Settings waiting;
    std::size_t max_connections = 4'096;
    std::int64_t idle = limits::kIdle;
    std::function<Time()> clock;  // wall time by which knowledge ages; called once a read
  };
  struct Counters {
    std::uint64_t accepted = 0, turned_away = 0;
    std::uint64_t closed_idle = 0, closed_for_new = 0, closed_for_memory = 0;
    std::uint64_t no_descriptor = 0;  // accept() found none left
    std::uint64_t protocol_faults = 0;
  };

  Server(EventLoop& loop, const Table& table, Asker& asker, const MapNames& names,
         Settings settings);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // `fd` is a listening, non-blocking stream socket; it stays the caller's and open until stop() or
  // the end of the server. Error (environment) when the loop refuses it.
  Result<void> listen(int fd);

  void set_off(bool off) { off_ = off; }  // `mxwarden enforcement off`
  void set_options(const Options& options) { responder_.set_options(options); }

  // Takes no more connections and, but for those that have come, no more queries; answers what was
  // asked, then calls `done` from the loop. What still waits for policyd after `patience` is
  // answered from what is known then; who does not take his reply is closed kStopGrace later.
  static constexpr std::int64_t kStopGrace = 100 * kMillisecond;
  void stop(std::int64_t patience, std::function<void()> done);

  // Counts of answers for answers.ndjson; see Responder.
  std::unique_ptr<Tally> swap_tally(std::unique_ptr<Tally> clean) {
    return responder_.swap_tally(std::move(clean));
  }
  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] const Responder::Counters& answers() const { return responder_.counters(); }
  [[nodiscard]] const ColdDesk& desk() const { return desk_; }
  [[nodiscard]] std::size_t connections() const { return connections_.size(); }

 private:
  struct Connection;
  using Connections = std::list<std::unique_ptr<Connection>>;

  [[nodiscard]] Moment moment() const;
  void on_accept(int listener);
  bool adopt(int fd);
  void pause_listening();
  void resume_listening();
  bool close_oldest_idle();

  void on_event(Connection& connection, std::uint32_t events);
  bool read(Connection& connection);
  void pump(Connection& connection);
  bool flush(Connection& connection);
  bool account(Connection& connection);
  void watch(Connection& connection);
  void close(Connection& connection);
  void on_settled(Waiting::Ticket ticket, const Known* told);
  void on_idle_timer();
  void end_waits();
  void check_stopped();

  EventLoop& loop_;
  Settings settings_;
  ColdDesk desk_;
  Responder responder_;
  std::vector<int> listeners_;
  bool off_ = false, paused_ = false, stopping_ = false;
  std::function<void()> done_;
  Connections connections_;  // the one idle longest first
  std::unordered_map<std::uint64_t, Connection*> by_id_;
  std::uint64_t last_id_ = 0;
  std::size_t buffered_ = 0;
  std::vector<char> input_;
  Counters counters_;
  Timer idle_timer_, accept_timer_, patience_timer_, stop_timer_;
};

}  // namespace mxw::map
