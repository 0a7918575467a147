// `mxwarden explain` against the control socket of a milter, from what is kept to what is printed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "cli/verb.hpp"
#include "core/ipc/listener.hpp"
#include "milter/control.hpp"
#include "tests/unit/store_support.hpp"

namespace mxw::cli {
namespace {

using store::at;
using store::value_of;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

store::DecisionRow row(std::int64_t began, const std::string& domain = "example.org") {
  return {.time = at(began) + kSecond / 2,
          .session = "s",
          .queue_id = "4bXy",
          .role = "relay",
          .domain = domain,
          .action = "accept",
          .reason = "path-clear",
          .began = at(began)};
}

// A milter's control socket at `socket`, with these decisions.
class Served {
 public:
  Served(const std::string& socket, const std::vector<store::DecisionRow>& rows)
      : loop_(std::move(*EventLoop::create())),
        control_(directory_.file("milter.db"), [](JsonWriter&) {}, [] { return at(1'000); }) {
    value_of(value_of(store::MilterStore::open(directory_.file("milter.db")))->append(rows));
    auto listening =
        ipc::listen_on("unix:" + socket, {.type = ipc::SocketType::seqpacket, .mode = 0600});
    if (!listening) ADD_FAILURE() << listening.error().message;
    listening_ = std::move(*listening);
    const auto heard =
        control_.listen(*loop_, listening_.get(), ipc::PeerCheck().allow_uid(::geteuid()));
    if (!heard) ADD_FAILURE() << heard.error().message;
    thread_ = std::thread([this] { loop_->run(); });
  }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;
  ~Served() {
    loop_->post([this] { loop_->stop(); });
    thread_.join();
  }

 private:
  store::TemporaryDirectory directory_;
  std::unique_ptr<EventLoop> loop_;
  Fd listening_;
  milter::Control control_;
  std::thread thread_;
};

struct Said {
  int code = 0;
  std::string out, err;
};

// Lines as one, however they are wrapped.
std::string flat(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  return text;
}

Said run(const std::vector<std::string>& arguments) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Said said;
  said.code = run_verb(arguments);
  std::fflush(stdout);
  said.out = flat(testing::internal::GetCapturedStdout());
  said.err = flat(testing::internal::GetCapturedStderr());
  return said;
}

class ExplainVerb : public testing::Test {
 protected:
  Said explain(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "explain");
    arguments.insert(arguments.end(), {"--milter-socket", socket_});
    return run(arguments);
  }
  store::TemporaryDirectory directory_;
  std::string socket_ = directory_.file("control.sock");
};

// at(0) is 2026-11-18 11:06:40 UTC.
TEST_F(ExplainVerb, WithoutATimeTheNewestMailOfAQueueIdIsShown) {
  const Served milter(socket_, {row(0), row(600), row(600, "example.net")});
  const Said said = explain({"4bXy"});
  EXPECT_EQ(said.code, 0);
  EXPECT_THAT(said.out, AllOf(HasSubstr("2026-11-18 11:16:40 UTC"), HasSubstr("for example.org"),
                              HasSubstr("for example.net"), Not(HasSubstr("11:06:40"))));
  EXPECT_THAT(said.err, AllOf(HasSubstr("1 other mail had that queue id: --at TIME shows"),
                              HasSubstr("2026-11-18 11:06:40 UTC")));
}

// The times that are told find what they stand for, in every form.
TEST_F(ExplainVerb, WithATimeTheNewestMailThatHadBegunByThenIsShown) {
  store::DecisionRow within = row(600);
  within.began = within.began + kSecond / 4;
  const Served milter(socket_, {row(0), within, row(1'200)});
  for (const char* const time :
       {"2026-11-18 11:16:40 UTC", "2026-11-18 11:16:40", "2026-11-18 11:16",
        "2026-11-18T11:16:40Z", "2026-11-18T12:16:40+01:00", "2026-11-18 11:26:39 UTC"}) {
    const Said said = explain({"4bXy", "--at", time});
    EXPECT_EQ(said.code, 0) << time;
    EXPECT_THAT(said.out, AllOf(HasSubstr("11:16:40 UTC"), Not(HasSubstr("11:06:40")),
                                Not(HasSubstr("11:26:40"))))
        << time;
    EXPECT_THAT(said.err, HasSubstr("2 other mails had that queue id")) << time;
  }
  EXPECT_THAT(explain({"4bXy", "--at", "2026-11-18T11:16:40.1Z"}).out, HasSubstr("11:06:40 UTC"));
  EXPECT_EQ(explain({"4bXy", "--at", "yesterday"}).code, 2);
}

TEST_F(ExplainVerb, ATimeBeforeTheFirstMailOfAQueueIdFindsNone) {
  const Served milter(socket_, {row(0)});
  const Said said = explain({"4bXy", "--at", "2026-11-18 11:05"});
  EXPECT_EQ(said.code, 1);
  EXPECT_EQ(said.out, "");
  EXPECT_THAT(said.err, AllOf(HasSubstr("nothing about 4bXy that had begun by then"),
                              HasSubstr("(it began 2026-11-18 11:06:40 UTC)")));
  EXPECT_EQ(explain({"5cZz"}).code, 1);
}

TEST_F(ExplainVerb, WithADomainATimeIsWithinTenMinutes) {
  const Served milter(socket_, {row(0), row(3'600)});
  const Said said = explain({"example.org", "--at", "2026-11-18 11:00"});
  EXPECT_EQ(said.code, 0);
  EXPECT_THAT(said.out, AllOf(HasSubstr("11:06:40 UTC"), Not(HasSubstr("12:06:40"))));
  EXPECT_EQ(said.err, "");
  EXPECT_THAT(explain({"example.org", "--at", "2026-11-18 10:00"}).err,
              HasSubstr("within ten minutes of that time"));
}

// Each process of the milter has folders of its own (`mxwarden-milter --instance NAME`).
class InstanceOption : public testing::Test {
 protected:
  InstanceOption() {
    for (const char* const folder : {"run", "run/milter", "run/milter-two"})
      std::filesystem::create_directory(directory_.file(folder));
    std::ofstream(config_) << "[paths]\nrun = \"" << directory_.file("run") << "\"\nstate = \""
                           << directory_.file("state") << "\"\n";
  }
  Said verb(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--config", config_});
    return run(arguments);
  }
  [[nodiscard]] std::string socket(const std::string& folder) const {
    return directory_.file("run/" + folder + "/control.sock");
  }
  store::TemporaryDirectory directory_;
  std::string config_ = directory_.file("mxwarden.toml");
};

TEST_F(InstanceOption, ExplainAsksTheNamedMilter) {
  const Served one(socket("milter"), {row(0, "one.example")});
  const Served two(socket("milter-two"), {row(0, "two.example")});
  EXPECT_THAT(verb({"explain", "4bXy"}).out, HasSubstr("for one.example"));
  const Said named = verb({"explain", "4bXy", "--instance", "two"});
  EXPECT_EQ(named.code, 0);
  EXPECT_THAT(named.out, AllOf(HasSubstr("for two.example"), Not(HasSubstr("one.example"))));
  const Said absent = verb({"explain", "4bXy", "--instance", "three"});
  EXPECT_EQ(absent.code, 4);
  EXPECT_THAT(absent.err, HasSubstr("`mxwarden-milter --instance three`"));
}

TEST_F(InstanceOption, ImpactAsksTheNamedMilter) {
  const Served one(socket("milter"), {row(0)});
  const Served two(socket("milter-two"), {row(0), row(1), row(2)});
  const std::vector<std::string> impact = {"impact", "--since", "3650d"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), impact.begin(), impact.end());
    return verb(more);
  };
  EXPECT_THAT(with({}).out, HasSubstr("the milter decided 1 times"));
  EXPECT_THAT(with({"--instance", "two"}).out, HasSubstr("the milter decided 3 times"));
  EXPECT_EQ(with({"--instance", "three"}).code, 4) << "it was named";
}

TEST_F(InstanceOption, ANameIsOneTheMilterTakes) {
  for (const char* const verb_name : {"explain", "impact"})
    for (const std::string name : {"../x", "", "A"}) {
      std::vector<std::string> arguments = {verb_name, "--instance", name};
      if (arguments.front() == "explain") arguments.insert(arguments.begin() + 1, "4bXy");
      EXPECT_EQ(verb(arguments).code, 2) << verb_name << name;
    }
  const Said both = verb({"explain", "4bXy", "--instance", "two", "--milter-socket", "/x"});
  EXPECT_EQ(both.code, 2);
  EXPECT_THAT(both.err, HasSubstr("one of them names the milter"));
}

}  // namespace
}  // namespace mxw::cli
