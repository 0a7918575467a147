// Helpers of the SMTP parser's tests: what it says of a dialogue, line by line.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sensor/smtp/parser.hpp"
#include "tests/support/dialogue.hpp"

namespace mxw::smtp {

// Writes events down: `MAIL <a@b>`, `250 to MAIL`, `421 unasked`, `behind 220 C 5`, ...
struct Log final : Events {
  std::uint32_t on_command(const CommandEvent& c) override {
    std::string line(name(c.verb));
    if (!c.argument.empty()) (line += ' ').append(c.argument);
    if (c.verb == Verb::unknown) (line += ' ').append(c.text);
    if (c.verb == Verb::auth_line || c.verb == Verb::end_of_data) texts += c.text;
    line += " @" + std::to_string(c.offset) + '+' + std::to_string(c.length);
    lines.push_back(std::move(line));
    return ++tags;
  }
  void on_reply(const Pending& to, const Reply& reply, bool unsolicited) override {
    std::string line = std::to_string(reply.code);
    if (reply.lines.size() + reply.dropped_lines > 1)
      line += " x" + std::to_string(reply.lines.size() + reply.dropped_lines);
    lines.push_back(line + (unsolicited ? " unasked" : " to " + std::string(name(to.verb))));
    last_reply = reply;
  }
  void on_after_220(Dir dir, Bytes bytes, std::uint64_t, const FrameRef&) override {
    behind[evidence::index(dir)] += as_text(bytes);
  }
  void on_early_client_bytes(Bytes bytes, std::uint64_t offset, const FrameRef&) override {
    lines.push_back("early " + std::string(as_text(bytes)) + " @" + std::to_string(offset));
  }
  void on_body_facts(const BodyFacts& facts) override {
    lines.push_back(std::string("body") + (facts.bare_lf_dot ? " bare-dot" : "") +
                    (facts.verb_after_it ? " verb" : ""));
  }

  std::vector<std::string> lines;
  std::array<std::string, 2> behind;
  std::string texts;
  Reply last_reply;
  std::uint32_t tags = 0;
};

// A parser with its log; octets by 'C' and 'S'.
struct Talk {
  explicit Talk(bool midstream = false) : parser(log, midstream) {}

  void say(char who, std::string_view bytes) {
    const Dir dir = who == 'C' ? Dir::client : Dir::server;
    std::uint64_t& at = offsets[evidence::index(dir)];
    parser.feed(dir, as_bytes(bytes), at, {});
    at += bytes.size();
  }
  void say(const test::Turns& turns) {
    for (const test::Turn& turn : turns) say(turn.who, turn.bytes);
  }
  void gap(char who, std::uint64_t length) {
    const Dir dir = who == 'C' ? Dir::client : Dir::server;
    offsets[evidence::index(dir)] += length;
    parser.gap(dir, length);
  }
  // The log without places, since most tests are not about them.
  [[nodiscard]] std::vector<std::string> heard() const {
    std::vector<std::string> out;
    for (const std::string& line : log.lines) out.push_back(line.substr(0, line.rfind(" @")));
    return out;
  }

  Log log;
  Parser parser;
  std::array<std::uint64_t, 2> offsets{};
};

}  // namespace mxw::smtp
