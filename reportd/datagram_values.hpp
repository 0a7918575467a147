// DatagramValues: reads the values both protocols have (datagrams of libtlsrpt, messages of a
// sensor) at the scanner's cursor, and gives them as a TallyEvent has them. Texts are views of the
// input or of the scanner's arena. Every method says false when the input is damaged there, and the
// scanner knows the word. Private to reportd. One thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "reportd/datagram_scan.hpp"
#include "reportd/tally_event.hpp"

namespace mxw::reportd {

class DatagramValues {
 public:
  explicit DatagramValues(DatagramScanner& scan) : scan_(scan) {}

  bool name(std::string_view& out);           // Garbage::domain where it is no name
  bool optional_name(std::string_view& out);  // empty where it is none
  bool ehlo(std::string_view& out);           // empty where it is none
  bool word(std::string_view& out);           // harmless, at most store::kWordBytes
  bool address(IpAddress& out);               // family 0 where it is none

  // The lines of one policy: begin(), then both arrays in any order, then finish() once its type
  // is known.
  void begin();
  bool strings() { return read_lines(strings_); }
  bool hosts() { return read_lines(hosts_); }
  bool finish(EventPolicy& policy);

 private:
  struct Line {
    int rank = 0;
    std::string_view text;
    friend auto operator<=>(const Line&, const Line&) = default;
  };

  std::string_view keep(std::string_view text);
  bool read_lines(std::vector<Line>& out);
  void clean_strings(std::string_view type);
  bool join(std::vector<Line>& from, std::string_view& out);

  DatagramScanner& scan_;
  std::string buffer_;
  std::vector<Line> strings_, hosts_;
};

}  // namespace mxw::reportd
