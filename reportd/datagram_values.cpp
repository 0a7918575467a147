#include "reportd/datagram_values.hpp"

#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/store/report_rows.hpp"
#include "core/store/rows.hpp"
#include "reportd/datagram_text.hpp"

namespace mxw::reportd {

// The text itself where it stands in the input or the arena, a copy where it is in the buffer.
std::string_view DatagramValues::keep(std::string_view text) {
  if (text.data() != buffer_.data()) return text;
  char* const to = scan_.room(text.size());
  std::copy(text.begin(), text.end(), to);
  return scan_.take(text.size());
}

bool DatagramValues::name(std::string_view& out) {
  std::string_view text;
  if (!scan_.string(text)) return false;
  const auto canonical = canonical_name(text, buffer_);
  if (!canonical) return scan_.fail(Garbage::domain);
  out = keep(*canonical);
  return true;
}

bool DatagramValues::optional_name(std::string_view& out) {
  std::string_view text;
  if (!scan_.string(text)) return false;
  const auto canonical = canonical_name(text, buffer_);
  if (canonical) out = keep(*canonical);
  return true;
}

bool DatagramValues::ehlo(std::string_view& out) {
  std::string_view text;
  if (!scan_.string(text)) return false;
  const auto canonical = ehlo_name(text, buffer_);
  if (canonical) out = keep(*canonical);
  return true;
}

bool DatagramValues::word(std::string_view& out) {
  std::string_view text;
  if (!scan_.string(text)) return false;
  out = keep(clean_text(text, store::kWordBytes, buffer_));
  return true;
}

bool DatagramValues::address(IpAddress& out) {
  std::string_view text;
  if (!scan_.string(text)) return false;
  out = address_or_none(text);
  return true;
}

void DatagramValues::begin() {
  strings_.clear();
  hosts_.clear();
}

bool DatagramValues::read_lines(std::vector<Line>& out) {
  return scan_.array([&] {
    std::string_view text;
    if (!scan_.string(text)) return false;
    if (out.size() >= kDatagramLines) return scan_.fail(Garbage::too_large);
    if (!text.empty()) out.push_back({0, text});
    return true;
  });
}

void DatagramValues::clean_strings(std::string_view type) {
  for (Line& line : strings_) {
    line.text = keep(clean_text(line.text, store::kPolicyTextBytes, buffer_));
    if (type == kSts) line.rank = line_rank(line.text);
    if (type != kTlsa) continue;
    buffer_.resize(line.text.size());
    std::ranges::transform(line.text, buffer_.begin(), ascii::lower);
    line.text = keep(buffer_);
  }
}

// Sorted, each once, one per line.
bool DatagramValues::join(std::vector<Line>& from, std::string_view& out) {
  if (from.empty()) return true;
  if (!std::ranges::is_sorted(from)) std::ranges::sort(from);
  from.erase(std::unique(from.begin(), from.end()), from.end());
  std::size_t size = 0;
  for (const Line& line : from) size += line.text.size() + 1;
  if (size > store::kPolicyTextBytes) return scan_.fail(Garbage::too_large);
  char* const begin = scan_.room(size);
  char* to = begin;
  for (const Line& line : from) {
    to = std::copy(line.text.begin(), line.text.end(), to);
    *to++ = '\n';
  }
  out = scan_.take(size);
  if (!out.empty()) out.remove_suffix(1);
  return !scan_.failed();
}

bool DatagramValues::finish(EventPolicy& policy) {
  clean_strings(policy.type);
  std::erase_if(hosts_, [this](Line& host) {
    const auto canonical = canonical_pattern(host.text, buffer_);
    if (canonical) host.text = keep(*canonical);
    return !canonical;
  });
  return join(strings_, policy.strings) && join(hosts_, policy.mx_hosts);
}

}  // namespace mxw::reportd
