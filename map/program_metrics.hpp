// The map's numbers. The serving thread's counters are plain; once a second it puts them where the
// thread that answers a scrape may read them.
#pragma once

#include <cstdint>
#include <vector>

#include "core/service/metrics.hpp"
#include "map/ask_client.hpp"
#include "map/knowledge.hpp"
#include "map/server.hpp"

namespace mxw::map {

class ProgramMetrics {
 public:
  explicit ProgramMetrics(service::Metrics& metrics);  // outlives this

  struct TableNumbers {
    std::size_t rows = 0;
    std::uint64_t refused = 0;
  };
  void publish(const Server& server, const AskClient& asker, const Knowledge& knowledge,
               const TableNumbers& table);

 private:
  std::vector<service::Counter*> said_, would_be_;  // by Word
  service::Counter &queries_, &stale_, &cold_, &waited_, &in_vain_, &hints_, &hints_dropped_;
  service::Counter &accepted_, &turned_away_, &closed_early_, &protocol_faults_;
  service::Counter &ask_dropped_, &rows_refused_, &refills_, &bad_files_, &cache_failed_;
  service::Counter &answers_written_, &answers_dropped_;
  service::Gauge &connections_, &waiting_, &rows_, &domains_, &policies_, &brakes_;
  service::Gauge &feed_connected_, &ask_connected_, &enforcement_off_, &operator_unreadable_;
};

}  // namespace mxw::map
