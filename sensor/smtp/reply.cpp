#include "sensor/smtp/reply.hpp"

#include <utility>

#include "core/base/ascii.hpp"
#include "core/base/limits.hpp"

namespace mxw::smtp {
namespace {

std::uint16_t code_of(std::string_view line) {
  return static_cast<std::uint16_t>((line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0'));
}

}  // namespace

bool is_reply_line(std::string_view line) {
  if (line.size() < 3) return false;
  for (std::size_t i = 0; i < 3; ++i)
    if (!ascii::is_digit(line[i])) return false;
  return line.size() == 3 || line[3] == ' ' || line[3] == '-';
}

bool ReplyBuilder::add(const Line& line, Reply& reply) {
  const bool starts = current_.lines.empty();
  const bool formed = is_reply_line(line.text);
  if (starts) {
    current_.first = line.first;
    current_.code = formed ? code_of(line.text) : std::uint16_t{0};
  }
  current_.last = line.last;
  // A line that is none inside a reply is kept as text of that reply: some servers wrap their
  // banner.
  const std::string_view text = !formed                ? line.text
                                : line.text.size() > 4 ? line.text.substr(4)
                                                       : std::string_view{};
  if (current_.lines.size() < limits::kSmtpReplyLines)
    current_.lines.push_back({std::string(text), line.offset, line.length, line.last});
  else
    ++current_.dropped_lines;
  const bool last =
      starts && !formed ? true : formed && (line.text.size() == 3 || line.text[3] != '-');
  if (!last) return false;
  reply = std::exchange(current_, {});
  return true;
}

}  // namespace mxw::smtp
