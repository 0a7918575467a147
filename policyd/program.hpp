// The policyd program: store, engine, sockets and operator files put together.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "core/base/fd.hpp"
#include "core/feed/feed_server.hpp"
#include "core/operator/watch.hpp"
#include "core/service/daemon.hpp"
#include "net/https/fetcher.hpp"
#include "net/resolve/resolver.hpp"
#include "policyd/ask_server.hpp"
#include "policyd/backup_times.hpp"
#include "policyd/control.hpp"
#include "policyd/engine.hpp"
#include "policyd/store_sink.hpp"
#include "policyd/store_source.hpp"
#include "policyd/witness.hpp"

namespace mxw::policyd {

// What the settings make of the engine. DNSSEC is judged by the AD bit of validating resolvers:
// where none is named nobody can have DANE, and nobody is asked for TLSA.
[[nodiscard]] Options engine_options(const config::Config& config);

class Program {
 public:
  Program();
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // Opens the store and the network, serves feed, ask and control from then on. Error: usage
  // (settings), environment (the store, sockets).
  Result<void> start(service::Context& context);
  void stop();

 private:
  void read_named_files(const config::Config& config);
  Result<void> open_network(service::Context& context);
  Result<void> open_sockets(service::Context& context);
  void make_engine(service::Context& context);
  void add_metrics(service::Metrics& metrics);
  void pin();
  void on_hour();

  std::string state_folder_;
  std::set<std::string> listed_;  // of `domains_from = ["file:..."]`
  Fd lock_;                       // of the store
  std::unique_ptr<store::PolicyStore> store_;
  std::unique_ptr<Witness> witness_;
  std::unique_ptr<StoreSource> source_;
  std::unique_ptr<StoreSink> sink_;
  std::unique_ptr<LoopClock> clock_;
  std::unique_ptr<resolve::Resolver> resolver_;
  std::unique_ptr<https::Fetcher> fetcher_;
  std::unique_ptr<ResolverDns> dns_;
  std::unique_ptr<FetcherHttps> https_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<NameLookups> names_;
  Fd feed_fd_, ask_fd_, control_fd_;
  std::unique_ptr<feed::FeedServer> feed_;
  std::unique_ptr<AskServer> ask_;
  std::unique_ptr<Control> control_;
  std::unique_ptr<operators::OperatorWatch> operator_;
  std::unique_ptr<Timer> hour_;
  std::optional<BackupTimes> backups_;
  bool damaged_ = false;  // the store: nothing is copied from it any more
};

}  // namespace mxw::policyd
