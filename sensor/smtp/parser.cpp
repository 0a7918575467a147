#include "sensor/smtp/parser.hpp"

#include <algorithm>
#include <utility>

#include "core/base/ascii.hpp"
#include "core/base/limits.hpp"

namespace mxw::smtp {
namespace {

// Octets behind STARTTLS or DATA that are kept until the reply: a ClientHello, or a pipelined
// group.
constexpr std::size_t kEarlyBytes = 16'384;

bool looks_like_tls(std::string_view bytes) {
  if (bytes.empty()) return false;
  const auto type = static_cast<unsigned char>(bytes[0]);
  if (type < 0x14 || type > 0x17) return false;
  return bytes.size() < 2 || bytes[1] == 0x03;
}

// The reply that makes a lost line credible as this command: only what no body line is answered
// with.
bool fits(Verb verb, std::uint16_t code) {
  switch (verb) {
    case Verb::ehlo:
    case Verb::helo:
    case Verb::lhlo:
    case Verb::mail:
    case Verb::rset:
    case Verb::noop:
    case Verb::bdat:
      return code == 250;
    case Verb::rcpt:
      return code >= 250 && code <= 252;
    case Verb::data:
      return code == 354;
    case Verb::starttls:
      return code == 220;
    case Verb::quit:
      return code == 221;
    case Verb::auth:
      return code == 334 || code == 235;
    default:
      return false;
  }
}

bool keeps_argument(Verb verb) {
  return verb == Verb::ehlo || verb == Verb::helo || verb == Verb::lhlo;
}

}  // namespace

Parser::Parser(Events& events, bool midstream) : events_(events) {
  if (midstream) {
    client_ = Client::lost;
    server_lost_ = true;
  } else {
    pending_.push_back({.verb = Verb::connect,
                        .argument = {},
                        .tag = 0,
                        .masked8 = false,
                        .last_chunk = false,
                        .at = {}});
  }
}

void Parser::feed(Dir dir, Bytes bytes, std::uint64_t offset, const FrameRef& at) {
  if (dir == Dir::client)
    feed_client(bytes, offset, at);
  else
    feed_server(bytes, offset, at);
}

void Parser::feed_client(Bytes bytes, std::uint64_t offset, const FrameRef& at) {
  while (!bytes.empty()) {
    const std::size_t taken = client_step(bytes, offset, at);
    bytes = bytes.subspan(taken);
    offset += taken;
  }
}

std::size_t Parser::client_step(Bytes bytes, std::uint64_t offset, const FrameRef& at) {
  switch (client_) {
    case Client::body:
      return body_step(bytes, offset, at);
    case Client::chunk: {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(chunk_left_, bytes.size()));
      chunk_left_ -= n;
      if (chunk_left_ == 0) client_ = Client::command;
      return n;
    }
    case Client::starttls:
    case Client::data:
      return wait_step(bytes, offset, at);
    case Client::opaque:
      events_.on_after_220(Dir::client, bytes, offset, at);
      // The observer may have found that the clear dialogue goes on: then the octets are read
      // again.
      return client_ == Client::opaque ? bytes.size() : 0;
    case Client::command:
    case Client::secret:
    case Client::lost:
      break;
  }
  return line_step(bytes, offset, at);
}

std::size_t Parser::line_step(Bytes bytes, std::uint64_t offset, const FrameRef& at) {
  std::size_t taken = 0;
  Line line;
  if (!client_line_.feed(bytes, offset, at, taken, line)) {
    candidate_set_ = false;  // more follows it: it was not the last line
    return taken;
  }
  if (client_ == Client::lost)
    on_lost_line(line);
  else
    on_client_line(line);
  return taken;
}

void Parser::note_body_facts(const FrameRef& at) {
  BodyFacts& facts = body_facts_;
  if (body_.bare_lf_dot() && !facts.bare_lf_dot) {
    facts.bare_lf_dot = true;
    facts.dot_offset = body_offset_ + body_.dot_end();
    facts.dot_at = at;
  }
  if (body_.verb_after_bare_dot() && !facts.verb_after_it) {
    facts.verb_after_it = true;
    facts.verb_offset = body_offset_ + body_.verb_end();
    facts.verb_at = at;
  }
}

std::size_t Parser::body_step(Bytes bytes, std::uint64_t offset, const FrameRef& at) {
  if (!body_begun_) {
    body_begun_ = true;
    body_offset_ = offset;
  }
  const std::size_t taken = body_.feed(bytes);
  note_body_facts(at);
  if (!body_.ended()) return taken;
  events_.on_body_facts(body_facts_);
  client_ = Client::command;
  constexpr std::uint32_t kDotLine = 3;  // its first octets may have come with an earlier piece
  const CommandEvent event{.verb = Verb::end_of_data,
                           .argument = {},
                           .text = {},
                           .offset = offset + taken - kDotLine,
                           .length = kDotLine,
                           .at = at};
  const std::uint32_t tag = events_.on_command(event);
  push_pending({.verb = Verb::end_of_data,
                .argument = {},
                .tag = tag,
                .masked8 = false,
                .last_chunk = false,
                .at = at});
  return taken;
}

std::size_t Parser::wait_step(Bytes bytes, std::uint64_t offset, const FrameRef& at) {
  if (early_.empty()) {
    early_offset_ = offset;
    early_at_ = at;
  }
  const std::size_t room = kEarlyBytes - std::min(kEarlyBytes, early_.size());
  early_ += as_text(bytes.first(std::min(room, bytes.size())));
  const bool unanswerable = one_sided_ || server_lost_;
  if (client_ == Client::data && (unanswerable || early_.size() >= kEarlyBytes))
    release_waiting(Client::body);
  else if (client_ == Client::starttls && unanswerable && early_.size() >= 2)
    release_waiting(looks_like_tls(early_) ? Client::opaque : Client::command);
  return bytes.size();
}

// The reply (or its certain absence) told what the waiting octets are.
void Parser::release_waiting(Client next) {
  client_ = next;
  if (next == Client::body) {
    body_ = {};
    body_facts_ = {};
    body_begun_ = false;
    body_gap_ = false;
  }
  const std::string octets = std::exchange(early_, {});
  if (!octets.empty()) feed_client(as_bytes(octets), early_offset_, early_at_);
}

void Parser::on_client_line(const Line& line) {
  if (client_ == Client::secret) {
    client_ = Client::command;
    report_secret(line);
    return;
  }
  const Command command = parse_command(line.text);
  if (auth_open_ && command.verb == Verb::unknown) {
    report_secret(line);
    return;
  }
  auth_open_ = command.verb == Verb::auth;
  report(line, command);
  enter_after(command);
}

void Parser::report_secret(const Line& line) {
  const CommandEvent event{.verb = Verb::auth_line,
                           .argument = {},
                           .text = {},
                           .offset = line.offset,
                           .length = line.length,
                           .at = line.first};
  const std::uint32_t tag = events_.on_command(event);
  push_pending({.verb = Verb::auth_line,
                .argument = {},
                .tag = tag,
                .masked8 = false,
                .last_chunk = false,
                .at = line.first});
}

void Parser::report(const Line& line, const Command& command) {
  const CommandEvent event{.verb = command.verb,
                           .argument = command.argument,
                           .text = line.text,
                           .offset = line.offset,
                           .length = line.length,
                           .at = line.first};
  const std::uint32_t tag = events_.on_command(event);
  Pending pending{.verb = command.verb,
                  .argument = {},
                  .tag = tag,
                  .masked8 = line.text.size() == 8 && is_masked(line.text),
                  .last_chunk = false,
                  .at = line.first};
  pending.last_chunk = command.verb == Verb::bdat && is_last_chunk(command.argument);
  if (keeps_argument(command.verb)) pending.argument = std::string(command.argument);
  push_pending(std::move(pending));
}

void Parser::enter_after(const Command& command) {
  switch (command.verb) {
    case Verb::data:
      client_ = Client::data;
      break;
    case Verb::starttls:
      client_ = Client::starttls;
      break;
    case Verb::bdat: {
      // RFC 3030 section 2: the octets follow the line at once, without waiting for a reply.
      const auto size = ascii::parse_u64(ascii::split_word(command.argument).head);
      if (!size) {  // what follows may be the octets of a chunk
        lose_client();
        return;
      }
      chunk_left_ = *size;
      client_ = chunk_left_ > 0 ? Client::chunk : Client::command;
      break;
    }
    default:
      client_ = Client::command;
  }
}

void Parser::lose_client() {
  client_ = Client::lost;
  candidate_set_ = false;
  client_line_.clear();
}

void Parser::push_pending(Pending pending) {
  server_lost_ = false;  // what is said after this answers it
  if (one_sided_) return;
  if (pending_.size() >= limits::kSmtpPipeline) {
    pending_.clear();
    server_lost_ = true;
    return;
  }
  pending_.push_back(std::move(pending));
}

void Parser::on_lost_line(const Line& line) {
  candidate_text_ = line.text;
  candidate_ = line;
  candidate_.text = candidate_text_;
  candidate_set_ = true;
}

void Parser::feed_server(Bytes bytes, std::uint64_t offset, const FrameRef& at) {
  while (!bytes.empty()) {
    if (client_ == Client::opaque) {
      events_.on_after_220(Dir::server, bytes, offset, at);
      if (client_ == Client::opaque) return;
      continue;
    }
    std::size_t taken = 0;
    Line line;
    const bool complete = server_line_.feed(bytes, offset, at, taken, line);
    bytes = bytes.subspan(taken);
    offset += taken;
    if (!complete) continue;
    Reply reply;
    if (server_lost_ && reply_.empty() && !is_reply_line(line.text)) continue;
    if (reply_.add(line, reply)) on_reply(reply);
  }
}

void Parser::on_reply(const Reply& reply) {
  if (client_ == Client::lost && pending_.empty()) {
    if (resynchronise(reply)) return;
  }
  if (client_ == Client::body && body_gap_ && pending_.empty()) {
    lose_client();  // the server answers: the end of the body was in the gap
  }
  // 220 answers nothing but the connection and STARTTLS: a second, late reply to an earlier
  // STARTTLS.
  const bool late_220 =
      reply.code == 220 && !pending_.empty() && pending_.front().verb != Verb::connect &&
      pending_.front().verb != Verb::starttls && pending_.front().verb != Verb::unknown;
  if (pending_.empty() || late_220) {
    events_.on_reply({}, reply, true);
    if (client_ == Client::data) unanswered_data(reply);
    return;
  }
  // A server without a banner: what it says first answers what the client said first.
  const bool no_banner = pending_.front().verb == Verb::connect && pending_.size() > 1 &&
                         reply.code != 220 && reply.code != 0 && reply.code < 400;
  if (no_banner) pending_.pop_front();
  const Pending to = std::move(pending_.front());
  pending_.pop_front();
  events_.on_reply(to, reply, false);
  answered(to, reply);
}

// The reply to DATA, or one of an earlier command: what was pending is not known after a loss.
void Parser::unanswered_data(const Reply& reply) {
  if (reply.code == 354) {
    release_waiting(Client::body);
  } else if (reply.code >= 400) {
    early_.clear();
    lose_client();
  }
}

bool Parser::resynchronise(const Reply& reply) {
  if (!candidate_set_ || !client_line_.empty_or_done()) return false;
  candidate_set_ = false;
  const Command command = parse_command(candidate_.text);
  if (!fits(command.verb, reply.code)) return false;
  client_ = Client::command;
  report(candidate_, command);
  enter_after(command);
  on_reply(reply);
  return true;
}

void Parser::answered(const Pending& to, const Reply& reply) {
  switch (to.verb) {
    case Verb::starttls:
      if (client_ != Client::starttls) return;
      if (reply.code != 220) {
        release_waiting(Client::command);
        return;
      }
      client_ = Client::opaque;
      pending_.clear();
      if (early_.empty()) return;
      if (looks_like_tls(early_)) {
        release_waiting(Client::opaque);
      } else {
        const std::string octets = std::exchange(early_, {});
        events_.on_early_client_bytes(as_bytes(octets), early_offset_, early_at_);
      }
      return;
    case Verb::data:
      if (client_ == Client::data)
        release_waiting(reply.code == 354 ? Client::body : Client::command);
      return;
    case Verb::auth:
    case Verb::auth_line:
      // With a line pending, what this challenge asks for was sent before it came.
      if (reply.code == 334 && client_ == Client::command && pending_.empty())
        client_ = Client::secret;
      if (reply.code != 334) auth_open_ = false;
      return;
    case Verb::bdat:
      // Not understood: then the octets behind the line were read as commands.
      if (client_ == Client::chunk && reply.code >= 500 && reply.code <= 502) lose_client();
      return;
    default:
      return;
  }
}

void Parser::enter_opaque() {
  client_ = Client::opaque;
  pending_.clear();
}

void Parser::resume_clear() {
  client_ = Client::command;
  pending_.clear();
  reply_.clear();
  client_line_.clear();
  server_line_.clear();
}

void Parser::gap(Dir dir, std::uint64_t length) {
  if (client_ == Client::opaque) return;
  if (dir == Dir::server) {
    server_lost_ = true;
    server_line_.clear();
    reply_.clear();
    pending_.clear();
    return;
  }
  if (client_ == Client::body) {
    body_gap_ = true;
    body_.gap();
    return;
  }
  if (client_ == Client::chunk && length <= chunk_left_) {
    chunk_left_ -= length;
    if (chunk_left_ == 0) client_ = Client::command;
    return;
  }
  if (client_ == Client::starttls && early_.empty()) return;  // the ClientHello is missing
  early_.clear();
  pending_.clear();
  lose_client();
}

}  // namespace mxw::smtp
