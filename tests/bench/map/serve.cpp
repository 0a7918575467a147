// Our server as it runs in mxwarden-map, without configuration and feed: the serving thread, and a
// second one that writes what was counted. The table holds KEYS domains, every other one with an
// enforced policy; each domain that is not known is asked of a policyd that answers `none` at once
// and whose rows come and go as policyd's do, the oldest first beyond 200,000.
//
// usage: mxw-bench-map-serve [--port N] [--cpu N] [--keys N] [--answers FILE]
#include <csignal>
#include <ctime>
#include <deque>
#include <thread>

#include "map/aggregate.hpp"
#include "map/server.hpp"
#include "tests/bench/map/sockets.hpp"

namespace mxw::bench {
namespace {

constexpr std::size_t kOtherRows = 200'000;  // semantics 11

Time wall() {
  timespec at{};
  ::clock_gettime(CLOCK_REALTIME, &at);
  return {at.tv_sec * kSecond + at.tv_nsec};
}

map::Options enforcing() {
  map::Options options;
  options.enforce = true;
  return options;
}

void fill(map::Table& table, std::size_t keys) {
  map::Known policy, none;
  policy.state = rows::DomainState::policy;
  policy.mode = policy::Mode::enforce;
  none.state = rows::DomainState::none;
  policy.checked_at = none.checked_at = wall();
  policy.valid_until = wall() + 7 * kDay;
  policy.txt_until = wall() + kDay;
  for (std::size_t i = 0; i < keys; ++i) {
    const std::string domain = 'd' + std::to_string(i) + ".example";
    policy.mx = {"mx1." + domain, "mx2." + domain};
    MXW_CHECK(
        table.put(domain, map::compile(domain, i % 2 == 0 ? &policy : &none, {}, enforcing())));
  }
}

class NonePolicyd : public map::Asker {
 public:
  NonePolicyd(EventLoop& loop, map::Table& table) : loop_(loop), table_(table) {}
  void set_callbacks(Callbacks callbacks) override { callbacks_ = std::move(callbacks); }
  bool want(std::string_view domain) override {
    loop_.post([this, name = std::string(domain)] { learn(name); });
    return true;
  }
  bool hint(std::string_view) override { return true; }
  bool ping() override { return true; }

 private:
  void learn(const std::string& domain) {
    map::Known none;
    none.state = rows::DomainState::none;
    none.checked_at = wall();
    order_.push_back(static_cast<std::uint32_t>(std::stoul(domain.substr(1))));
    if (order_.size() > kOtherRows) {
      table_.erase('u' + std::to_string(order_.front()) + ".example");
      order_.pop_front();
    }
    MXW_CHECK(table_.put(domain, map::compile(domain, &none, {}, enforcing())));
    callbacks_.answered(domain, none);
  }

  EventLoop& loop_;
  map::Table& table_;
  Callbacks callbacks_;
  std::deque<std::uint32_t> order_;  // of uN.example: what policyd keeps is not measured here
};

// Every 3 s here, once a minute in the program: so that it falls into what is measured.
constexpr std::int64_t kRecordEvery = 3 * kSecond;

class Recorder {
 public:
  Recorder(EventLoop& loop, map::Server& server, const map::MapNames& names, std::string path)
      : server_(server),
        names_(names),
        file_(std::move(path), map::limits::kAnswersFileBytes),
        writer_(*EventLoop::create()),
        tick_(loop, [this, &loop] { hand_over(loop); }),
        thread_([this] { writer_->run(); }) {
    tick_.start(kRecordEvery);
  }
  ~Recorder() {
    writer_->post([this] { writer_->stop(); });
    thread_.join();
  }

 private:
  void hand_over(EventLoop& loop) {
    tick_.start(kRecordEvery);
    if (clean_ == nullptr) return;  // the writer is late: counting goes on in the same one
    std::shared_ptr<map::Tally> full = server_.swap_tally(std::move(clean_));
    writer_->post([this, &loop, full] {
      map::append_tally(file_, *full, {wall() - kRecordEvery, kRecordEvery}, names_,
                        [](std::string_view) { return std::vector<std::string>(); });
      loop.post([this] { clean_ = std::make_unique<map::Tally>(); });
    });
  }

  map::Server& server_;
  const map::MapNames& names_;
  LineFile file_;
  std::unique_ptr<map::Tally> clean_ = std::make_unique<map::Tally>();
  std::unique_ptr<EventLoop> writer_;
  Timer tick_;
  std::thread thread_;
};

void run(int argc, char** argv) {
  auto loop = EventLoop::create();
  MXW_CHECK(loop.has_value());
  EventLoop& main_loop = **loop;
  MXW_CHECK(main_loop.add_signal(SIGTERM, [&main_loop] { main_loop.stop(); }).has_value());
  map::Table table(random_hash_key());
  fill(table, static_cast<std::size_t>(number(argc, argv, "--keys", 10'000)));
  const map::MapNames names(
      {{"postfix", config::Dialect::postfix}, {"sts", config::Dialect::sendmail}});
  NonePolicyd policyd(main_loop, table);
  map::Server::Settings settings;
  settings.options = enforcing();
  settings.clock = wall;
  map::Server server(main_loop, table, policyd, names, settings);
  Recorder recorder(main_loop, server, names, option(argc, argv, "--answers", "/dev/null"));
  const int fd = listen_on(static_cast<std::uint16_t>(number(argc, argv, "--port", 18'461)));
  MXW_CHECK(server.listen(fd).has_value());
  main_loop.run();
}

}  // namespace
}  // namespace mxw::bench

int main(int argc, char** argv) {
  mxw::bench::stay_on(static_cast<int>(mxw::bench::number(argc, argv, "--cpu", -1)));
  mxw::bench::run(argc, argv);
}
