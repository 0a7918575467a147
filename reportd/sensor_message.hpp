// SensorMessage: one message of a sensor as sensor_feed.hpp has it. Private to reportd.
//
// Hostile octets are data: nullptr for what is no such object. Texts are views of the message and
// of the reader, good until its next read(). One thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/time.hpp"
#include "reportd/datagram_scan.hpp"
#include "reportd/datagram_values.hpp"
#include "reportd/sensor_feed.hpp"
#include "reportd/tally_event.hpp"

namespace mxw::reportd {

struct SensorMessage {
  std::string_view sensor, instance;
  std::uint64_t seq = 0;
  Time time;
  IpAddress egress;
  EventPolicy policy;  // `final` as the sensor tells it, without failures
  EventFailure failure;
  SensorFacts facts;
  std::string_view session;  // empty: not told
};

class SensorReader {
 public:
  SensorReader() = default;
  SensorReader(const SensorReader&) = delete;
  SensorReader& operator=(const SensorReader&) = delete;

  [[nodiscard]] const SensorMessage* read(std::string_view text);

 private:
  bool member(std::string_view key, SensorMessage& out);
  bool policy_member(std::string_view key, EventPolicy& out);
  bool failure_member(std::string_view key, SensorMessage& out);
  bool version();
  bool number(std::uint64_t& out);
  bool time(Time& out);
  bool final_word(Final& out);
  bool session(std::string_view& out);

  DatagramScanner scan_;
  DatagramValues values_{scan_};
  SensorMessage message_;
  bool version_told_ = false, time_told_ = false;
};

}  // namespace mxw::reportd
