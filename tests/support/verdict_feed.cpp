// A sensor that says what it is told: serves prepared verdicts as the sensor's feed does, to
// everybody the socket's mode lets in.
//
//   usage: verdict_feed SOCKET
//
// Commands are JSON objects, one a line on standard input; each is answered by `ok`, or `error:
// REASON`, once readers are being told. Ends with its input.
//   {"put":{"id":"v1","rule":"R02","subject":"path","mx_ip":"192.0.2.25"}}   members of a row, as
//       the feed has them; what is not given: origin "lab", severity "critical", domain_basis
//       "rcpt", count 2, state "active", first_seen and last_seen now, expires in `ttl_s` (900) s
//   {"clear":"v1"} {"void":"v1"} {"expire":"v1"}     the state of a verdict that was put
//   {"reset":true}                                   all verdicts are lost: readers are told anew
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <memory>

#include "core/base/event_loop.hpp"
#include "core/base/json_reader.hpp"
#include "core/feed/codec.hpp"
#include "core/feed/feed_server.hpp"
#include "core/ipc/line_stream.hpp"
#include "core/ipc/listener.hpp"

namespace {

using namespace mxw;
using namespace mxw::feed;

Time wall() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return Time{std::chrono::duration_cast<std::chrono::nanoseconds>(now).count()};
}

class Verdicts final : public Source {
 public:
  Verdicts() { lose(); }

  Result<rows::Sequence> head() override { return head_; }
  Result<std::vector<rows::Change>> current(rows::Sequence after, std::size_t limit) override {
    return above(after, limit);
  }
  Result<Changes> changes_since(rows::Sequence from, std::size_t limit) override {
    Changes changes{.reset = from < oldest_ || from > head_, .rows = {}, .head = head_};
    if (changes.reset) return changes;
    changes.rows = above(from, limit);
    if (changes.rows.size() == limit) changes.head = sequence_of(changes.rows.back());
    return changes;
  }

  void put(rows::VerdictRow row) {
    std::erase_if(rows_, [&](const auto& item) { return item.second.id == row.id; });
    row.seq = ++head_;
    rows_.emplace(row.seq, std::move(row));
  }
  bool set(std::string_view id, rows::VerdictState state) {
    for (const auto& [seq, row] : rows_) {
      if (row.id != id) continue;
      rows::VerdictRow changed = row;
      changed.state = state;
      if (state == rows::VerdictState::expired) changed.expires = std::min(changed.expires, wall());
      put(std::move(changed));
      return true;
    }
    return false;
  }
  void lose() {
    rows_.clear();
    oldest_ = head_ = std::max(head_ + 1, static_cast<rows::Sequence>(wall().ns / 1'000));
  }

 private:
  std::vector<rows::Change> above(rows::Sequence after, std::size_t limit) const {
    std::vector<rows::Change> found;
    for (auto at = rows_.upper_bound(after); at != rows_.end() && found.size() < limit; ++at)
      found.emplace_back(at->second);
    return found;
  }

  rows::Sequence oldest_ = 0, head_ = 0;
  std::map<rows::Sequence, rows::VerdictRow> rows_;
};

// The row's text with what is not given before it: of a name that comes twice the last counts.
std::string put_line(std::string_view given) {
  std::int64_t ttl = 900;
  bool empty = true;
  JsonReader json(given, kLineDepth);
  while (json.next()) {
    empty = false;
    if (json.key() == "ttl_s") ttl = static_cast<std::int64_t>(json.value().magnitude);
  }
  const Time now = wall();
  std::string row = R"({"origin":"lab","severity":"critical","domain_basis":"rcpt","count":2,)"
                    R"("state":"active","first_seen":)" +
                    std::to_string(now.ns) + R"(,"last_seen":)" + std::to_string(now.ns) +
                    R"(,"expires":)" + std::to_string((now + ttl * kSecond).ns);
  row += empty ? std::string("}") : ',' + std::string(given.substr(given.find('{') + 1));
  return R"({"v":1,"seq":1,"op":"put","table":"verdict","row":)" + row + '}';
}

// Empty: done; else what was wrong.
std::string obey(Verdicts& verdicts, std::string_view command) {
  JsonReader json(command, kLineDepth);
  std::string why = "no command", buffer;
  while (json.next()) {
    const JsonValue& value = json.value();
    const bool named = value.kind == JsonValue::Kind::string;
    const std::string_view id = named ? value.text(buffer) : std::string_view();
    const auto to = [&](rows::VerdictState state) {
      why = verdicts.set(id, state) ? "" : "no verdict " + std::string(id);
    };
    if (json.key() == "put" && value.kind == JsonValue::Kind::object) {
      const Line line = decode(put_line(value.raw));
      why = line.change ? "" : "no verdict: " + std::string(name(line.skip));
      if (line.change) verdicts.put(std::get<rows::VerdictRow>(*line.change));
    } else if (json.key() == "clear") {
      to(rows::VerdictState::cleared);
    } else if (json.key() == "void") {
      to(rows::VerdictState::voided);
    } else if (json.key() == "expire") {
      to(rows::VerdictState::expired);
    } else if (json.key() == "reset") {
      verdicts.lose();
      why.clear();
    }
  }
  return json.whole() ? why : "not JSON";
}

int complain(const Error& error) {
  std::fprintf(stderr, "verdict_feed: %s\n", error.message.c_str());
  return 2;
}

// Reads what there is of the commands; false: there will be no more.
bool read_commands(ipc::LineStream& lines, Verdicts& verdicts, FeedServer& server) {
  char piece[4'096];
  const ssize_t count = ::read(STDIN_FILENO, piece, sizeof piece);
  if (count <= 0) return false;
  lines.feed({piece, static_cast<std::size_t>(count)});
  while (const auto line = lines.next()) {
    const std::string why = obey(verdicts, *line);
    server.notify();
    std::printf("%s\n", why.empty() ? "ok" : ("error: " + why).c_str());
    std::fflush(stdout);
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: verdict_feed SOCKET\n", stderr);
    return 2;
  }
  auto loop = EventLoop::create();
  if (!loop) return complain(loop.error());
  ipc::ListenOptions everybody;
  everybody.mode = 0666;
  const auto listening = ipc::listen_on("unix:" + std::string(argv[1]), everybody);
  if (!listening) return complain(listening.error());
  Verdicts verdicts;
  FeedServer::Options options;
  options.peers.allow_everybody();
  const auto server = FeedServer::create(**loop, listening->get(), verdicts, options);
  if (!server) return complain(server.error());
  ipc::LineStream lines(kLineBytes);
  const auto watching = (*loop)->add(STDIN_FILENO, EPOLLIN, [&](std::uint32_t) {
    if (read_commands(lines, verdicts, **server)) return;
    (*loop)->remove(STDIN_FILENO);
    (*loop)->stop();
  });
  if (!watching) return complain(watching.error());
  (*loop)->run();
  return 0;
}
