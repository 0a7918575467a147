// Taker: values of a report out of a JsonTree, leniently, every leniency noted. What is null is as
// if absent. The tree outlives nothing that is returned. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ip.hpp"
#include "core/base/time.hpp"
#include "core/report/deviation.hpp"
#include "core/report/json_tree.hpp"

namespace mxw::report {

// A member by its name, and by another that is found in reports.
struct Member {
  std::string_view name, other = {};
};

class Taker {
 public:
  void note(Deviation deviation) { seen_.add(deviation); }
  void note_if(bool holds, Deviation deviation) {
    if (holds) seen_.add(deviation);
  }
  [[nodiscard]] const Deviations& seen() const { return seen_; }
  // The first count that cannot be one: the report is refused.
  [[nodiscard]] bool bad_count() const { return bad_count_; }

  // One for each of `known`, null where it is absent. Null too, all of them, for what is no object.
  std::vector<const JsonTree*> members(const JsonTree* object, std::span<const Member> known);

  // Texts are cut and printable; empty where absent or no string.
  std::string text(const JsonTree* node, std::size_t limit);
  // Of a failure: what is there but empty is noted.
  std::string detail_text(const JsonTree* node, std::size_t limit);
  std::string helo(const JsonTree* node);
  std::string name(const JsonTree* node);
  IpAddress ip(const JsonTree* node);
  std::uint64_t count(const JsonTree* node);
  std::optional<Time> date(const JsonTree* node);

  // The elements of an array, at most `limit`; none for what is no array.
  std::span<const JsonTree> elements(const JsonTree* node, std::size_t limit);
  std::vector<std::string> policy_strings(const JsonTree* node);
  std::vector<std::string> mx_hosts(const JsonTree* node);

 private:
  std::string clean(std::string_view text, std::size_t limit);
  std::string host(std::string_view text, std::optional<std::string> canonical);
  void add_policy_string(std::string_view text, std::vector<std::string>& lines);

  Deviations seen_;
  bool bad_count_ = false;
};

}  // namespace mxw::report
