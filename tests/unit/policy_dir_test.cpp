// What the policy directory promises: all of it or an error that names file and line, and dates as
// the sidecar gives them.
#include "core/policy/policy_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "core/base/limits.hpp"
#include "core/policy/sidecar.hpp"

namespace mxw::policy {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

constexpr const char* kPolicy =
    "version: STSv1\nmode: enforce\nmx: mx.example.org\nmax_age: 86400\n";

class PolicyDir : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "mxw-policies-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }
  void TearDown() override { fs::remove_all(dir_); }

  void write(const std::string& name, std::string_view text) {
    std::ofstream(dir_ + '/' + name, std::ios::binary) << text;
  }
  // The error's message without the directory.
  std::string error() {
    const auto loaded = load_policy_dir(dir_);
    if (loaded) return "loaded";
    EXPECT_EQ(loaded.error().kind, ErrorKind::usage);
    const std::string& message = loaded.error().message;
    EXPECT_TRUE(message.starts_with(dir_)) << message;
    return message.substr(dir_.size() + 1);
  }
  std::string error_of_sidecar(std::string_view json) {
    write("example.org.txt", kPolicy);
    write("example.org.json", json);
    return error();
  }

  std::string dir_;
};

TEST_F(PolicyDir, LoadsSortedAndDated) {
  write("example.org.txt", kPolicy);
  write("example.org-a.test.txt", kPolicy);
  write("b.test.txt", kPolicy);
  write("xn--bcher-kva.example.txt", kPolicy);
  write("README", "no policy");
  write("b.test.json", R"({"id": "20261121a", "fetched_at": "2026-11-20T08:00:00Z", "pin": true})");
  write("example.org.json",
        R"({"fetched_at": "2026-11-20T08:00:00Z", "valid_until": "2026-11-20T09:00:00.5Z",
            "source": "export of 20 November"})");

  const auto loaded = load_policy_dir(dir_);
  ASSERT_TRUE(loaded) << loaded.error().message;
  std::vector<std::string> domains;
  for (const CachedPolicy& policy : *loaded) domains.push_back(policy.domain);
  ASSERT_THAT(domains,
              ElementsAre("b.test", "example.org", "example.org-a.test", "xn--bcher-kva.example"));

  const CachedPolicy& pinned = loaded->at(0);
  EXPECT_EQ(pinned.id, "20261121a");
  EXPECT_TRUE(pinned.pinned);
  EXPECT_EQ(pinned.fetched_at, parse_rfc3339("2026-11-20T08:00:00Z"));
  EXPECT_EQ(pinned.valid_until, parse_rfc3339("2026-11-21T08:00:00Z")) << "fetched_at + max_age";
  EXPECT_EQ(pinned.source, "b.test.txt");
  EXPECT_EQ(pinned.policy.mode, Mode::enforce);
  EXPECT_EQ(pinned.sha256.size(), 64U);

  EXPECT_EQ(loaded->at(1).valid_until, parse_rfc3339("2026-11-20T09:00:00.5Z"));
  EXPECT_EQ(loaded->at(1).source, "export of 20 November");
  EXPECT_FALSE(loaded->at(1).pinned);
  EXPECT_FALSE(loaded->at(2).fetched_at || loaded->at(2).valid_until) << "undated";
}

TEST_F(PolicyDir, AnEmptyOneHoldsNoPolicies) {
  const auto loaded = load_policy_dir(dir_);
  ASSERT_TRUE(loaded);
  EXPECT_TRUE(loaded->empty());
}

TEST_F(PolicyDir, OneThatIsNotThereIsAnError) {
  const auto loaded = load_policy_dir(dir_ + "/none");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().kind, ErrorKind::usage);
  EXPECT_TRUE(loaded.error().message.starts_with(dir_ + "/none: ")) << loaded.error().message;
}

TEST_F(PolicyDir, OneBadPolicyAndNothingIsLoaded) {
  write("a.test.txt", kPolicy);
  write("b.test.txt", "version: STSv1\nmode: doubt\n");
  EXPECT_EQ(error(), "b.test.txt:2: mode");
}

TEST_F(PolicyDir, TooLargeAPolicyIsRefused) {
  write("a.test.txt", std::string(limits::kPolicyBytes + 1, 'x'));
  EXPECT_EQ(error(), "a.test.txt:1: too large");
}

TEST_F(PolicyDir, FileNamesAreDomains) {
  for (const std::string name :
       {"Example.org.txt", "b\xc3\xbc.test.txt", "a..test.txt", "192.0.2.1.txt",
        "_mta-sts.a.test.txt", "a.test..txt", "A.test.json"}) {
    write(name, kPolicy);
    EXPECT_EQ(error(), name + ": the name is no domain in lower-case A-labels");
    fs::remove(dir_ + '/' + name);
  }
}

TEST_F(PolicyDir, ASidecarNeedsItsPolicy) {
  write("a.test.json", "{}");
  EXPECT_EQ(error(), "a.test.json: there is no a.test.txt beside it");
}

TEST_F(PolicyDir, ADirectoryIsNoPolicy) {
  fs::create_directory(dir_ + "/a.test.txt");
  EXPECT_EQ(error(), "a.test.txt: not a regular file");
}

TEST_F(PolicyDir, BadSidecarsNameTheLine) {
  EXPECT_EQ(error_of_sidecar("{\n\"id\": \"a\",\n\"pinn\": true}"),
            "example.org.json:3: unknown member");
  EXPECT_EQ(error_of_sidecar("{\"id\": \"a\",\n}"), "example.org.json:2: not JSON");
  EXPECT_EQ(error_of_sidecar(""), "example.org.json:1: not JSON");
  EXPECT_EQ(error_of_sidecar("{\"id\": \"\xff\"}"), "example.org.json:1: not JSON");
  EXPECT_EQ(error_of_sidecar("{\"id\": 1e999}"), "example.org.json:1: not JSON");
  EXPECT_EQ(error_of_sidecar("[]"), "example.org.json:1: not a JSON object");
  EXPECT_EQ(error_of_sidecar("{\"id\": \"a\", \"id\": \"b\"}"),
            "example.org.json:1: doubled member");
  EXPECT_EQ(error_of_sidecar("{\"id\": \"a-b\"}"),
            "example.org.json:1: id is not 1 to 32 letters and digits");
  EXPECT_EQ(error_of_sidecar("{\"id\": \"a; id=b\"}"),
            "example.org.json:1: id is not 1 to 32 letters and digits");
  EXPECT_EQ(error_of_sidecar("{\"pin\": 1}"), "example.org.json:1: pin is neither true nor false");
  EXPECT_EQ(error_of_sidecar("{\"source\": {}}"), "example.org.json:1: source is no text");
  EXPECT_EQ(error_of_sidecar("{\n\n\"fetched_at\": \"2026-11-20T08:00:00+01:00\"}"),
            "example.org.json:3: fetched_at is no RFC 3339 time in UTC");
  EXPECT_EQ(error_of_sidecar("{\"valid_until\": 1795248003}"),
            "example.org.json:1: valid_until is no RFC 3339 time in UTC");
  EXPECT_EQ(error_of_sidecar("{\"fetched_at\": \"2026-11-20T08:00:00Z\",\n"
                             "\"valid_until\": \"2026-11-20T07:59:59Z\"}"),
            "example.org.json:2: valid_until is before fetched_at");
}

TEST(Sidecar, DeepNestingAndDamagedTextAreErrorsOnly) {
  EXPECT_FALSE(parse_sidecar(std::string(60'000, '[')));
  EXPECT_FALSE(parse_sidecar(std::string(limits::kPolicyBytes + 1, ' ')));
  const std::string good = R"({"id": "a", "fetched_at": "2026-11-20T08:00:00Z", "pin": false})";
  ASSERT_TRUE(parse_sidecar(good));
  for (std::size_t n = 0; n < good.size(); ++n) EXPECT_FALSE(parse_sidecar(good.substr(0, n))) << n;
}

}  // namespace
}  // namespace mxw::policy
