// What reading a report out of a mail needs of MIME (RFC 5322, 2045, 2046), leniently: header
// fields, parameters, parts, encodings. Lines end with CRLF or LF. Views borrow from the message.
// Total on any octets, bounded by limits.hpp. Pure, thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/report/deviation.hpp"

namespace mxw::report {

struct Field {
  std::string_view name;
  std::string value;  // unfolded, without blanks at the ends
};

// A message or a part of one.
struct Entity {
  std::vector<Field> fields;  // of the first kHeaderBytes
  std::string_view body;

  [[nodiscard]] const Field* field(std::string_view name) const;  // the first; null without one
  [[nodiscard]] std::string value(std::string_view name) const;   // of the first, else empty
};
[[nodiscard]] Entity parse_entity(std::string_view octets);

// `text/plain; charset=utf-8`: the word in lower case, a parameter by its name. RFC 2231 encoding
// of a whole parameter (`filename*=`) is resolved, continuations (`filename*0=`) are not.
struct Parameters {
  std::string word;
  std::vector<std::pair<std::string, std::string>> all;

  [[nodiscard]] std::string get(std::string_view name) const;  // empty without one
};
[[nodiscard]] Parameters parse_parameters(std::string_view value);

// What a mail is made of in the end: everything that is no multipart and no message.
struct Leaf {
  std::string type;       // lower case, `text/plain` by default
  std::string file_name;  // of Content-Disposition, else the name of Content-Type
  std::string encoding;   // lower case
  std::string_view body;
  std::size_t place = 0, of = 1;  // which of how many parts of its multipart, from 0
  std::size_t depth = 0;          // multiparts and messages around it
};
// At most kMailParts, at most kMailDepth deep.
[[nodiscard]] std::vector<Leaf> leaves_of(const Entity& message);

// Without the transfer encoding (RFC 2045 section 6); of an unknown one as it is. False in `clean`:
// octets were passed over.
struct Decoded {
  std::string octets;
  bool clean = true;
};
[[nodiscard]] Decoded decode(std::string_view body, std::string_view encoding);

// The domain of the address of a From field, in lower case; empty unless there is just one.
[[nodiscard]] std::string domain_of_from(std::string_view value);

}  // namespace mxw::report
