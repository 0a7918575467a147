// `mxwarden policy import` through policyd's control socket, whatever a policy weighs.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "cli/verb.hpp"
#include "core/base/limits.hpp"
#include "core/ipc/listener.hpp"
#include "policyd/control.hpp"
#include "tests/unit/engine_support.hpp"
#include "tests/unit/ipc_support.hpp"

namespace mxw::policyd::test {
namespace {

constexpr char kPolicy[] = "version: STSv1\nmode: enforce\nmx: mx.example.org\nmax_age: 604800\n";

class ImportTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    auto made = Control::create(*loop, listening.get(), ipc::PeerCheck().allow_uid(::geteuid()),
                                *engine, store, [this] { return clock.wall(); });
    ASSERT_TRUE(made);
    control = std::move(*made);
    std::filesystem::create_directory(policies);
  }
  void write(const std::string& domain, const std::string& body) const {
    std::ofstream(policies + '/' + domain + ".txt", std::ios::binary) << body;
  }
  // The tool is another process: it waits in a thread of its own while the loop serves it.
  int import() {
    std::optional<int> code;
    std::thread tool([&] {
      const int got = cli::run_verb({"policy", "import", policies, "--socket", socket});
      loop->post([&code, got, this] {
        code = got;
        loop->stop();
      });
    });
    loop->run();
    tool.join();
    return code.value_or(-1);
  }
  [[nodiscard]] std::string stored(const std::string& domain) {
    const auto row = store.current_policy({0, domain});
    return row && *row ? (*row)->body : std::string();
  }

  SocketDirectory directory;
  std::string socket = directory.file("control.sock"), policies = directory.file("policies");
  std::unique_ptr<EventLoop> loop = std::move(EventLoop::create().value());
  Fd listening = ipc::listen_on("unix:" + socket, {.type = ipc::SocketType::seqpacket}).value();
  std::unique_ptr<Control> control;
};

// Filled up to `size` octets with one further field, which RFC 8461 section 3.2 lets a policy have.
std::string filled(std::size_t size, const std::string& with) {
  std::string text = std::string(kPolicy) + "x: ";
  while (text.size() + with.size() + 1 <= size) text += with;
  return text + '\n';
}

TEST_F(ImportTest, TakesAPolicyOfAnySizeThatCanBeFetched) {
  const std::map<std::string, std::string> given = {
      {"small.example", kPolicy},
      {"list.example", filled(8'000, "y")},
      {"largest.example", filled(limits::kPolicyBytes, "y")},
      {"quoted.example", filled(limits::kPolicyBytes, "\"")},  // two octets of JSON for each
      {"umlauts.example", filled(limits::kPolicyBytes, "\xc3\xbc")},
  };
  for (const auto& [domain, body] : given) write(domain, body);
  EXPECT_EQ(import(), 0);
  for (const auto& [domain, body] : given)
    EXPECT_TRUE(stored(domain) == body) << domain << ", " << body.size() << " octets";
}

}  // namespace
}  // namespace mxw::policyd::test
