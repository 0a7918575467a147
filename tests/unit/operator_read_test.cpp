// Reading a directory of operator files: the order of brakes, their ends, and that no file harms
// another one's effect, whatever stands in it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <random>
#include <string>

#include "core/operator/read.hpp"
#include "operator_support.hpp"

namespace mxw::operators {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kBypass = R"({"action":"bypass","until":"2026-11-21T12:00:00Z"})";
constexpr const char* kPin = R"({"action":"pin","mx":["mx.example.org"]})";
constexpr const char* kOff = R"({"state":"off","until":"2026-11-21T09:00:00Z"})";

TEST(OperatorRead, NoDirectorySaysNothing) {
  const auto state = read_operator_state("/nonexistent/operator", kNow);
  ASSERT_NE(state, nullptr);
  EXPECT_FALSE(state->enforcement_off(kNow));
  EXPECT_THAT(state->notes().texts, IsEmpty());
}

TEST(OperatorRead, OffComesBeforeBypassAndBypassBeforePin) {
  const Folder folder;
  folder.write("enforcement.json", kOff);
  folder.write(Folder::domain_file("a.test"), kBypass);
  folder.write(Folder::domain_file("b.test"), kPin);
  const auto state = read_operator_state(folder.path(), kNow);

  EXPECT_EQ(state->said("a.test", kNow).word, Word::off);
  EXPECT_EQ(state->said("b.test", kNow).word, Word::off);
  EXPECT_EQ(state->said("c.test", kNow).word, Word::off);
  const Time later = kNow + kHour;  // off has ended
  EXPECT_EQ(state->said("a.test", later).word, Word::bypass);
  EXPECT_EQ(state->said("b.test", later).word, Word::pin);
  EXPECT_THAT(state->said("b.test", later).brake->mx, ElementsAre("mx.example.org"));
  EXPECT_EQ(state->said("c.test", later).word, Word::none);
  EXPECT_EQ(state->said("sub.a.test", later).word, Word::none);  // this very domain
  EXPECT_THAT(state->notes().texts, IsEmpty());
}

TEST(OperatorRead, ABrakeHoldsBeforeItsEndAndNotAtIt) {
  const Folder folder;
  folder.write("enforcement.json", kOff);
  folder.write(Folder::domain_file("a.test"), kBypass);
  folder.write(Folder::domain_file("b.test"), kPin);
  const auto state = read_operator_state(folder.path(), kNow);
  EXPECT_TRUE(state->enforcement_off(kNow + kHour - 1));
  EXPECT_FALSE(state->enforcement_off(kNow + kHour));
  EXPECT_NE(state->find("a.test", kNow + 4 * kHour - 1), nullptr);
  EXPECT_EQ(state->find("a.test", kNow + 4 * kHour), nullptr);
  EXPECT_NE(state->find("b.test", kNow + 3650 * kDay), nullptr);
}

TEST(OperatorRead, NamesThatAreNoDomainsAreIgnoredAndCounted) {
  const Folder folder;
  for (const char* name : {"A.test.json", "a.test", "a_b.test.json", "b\u00fccher.test.json",
                           "192.0.2.1.json", ".json", "-a.test.json", "a.test.json.bak", "a..json"})
    folder.write(std::string("domain/") + name, kBypass);
  folder.write("domain/.new-x1y2z3", "{");  // being written
  const auto state = read_operator_state(folder.path(), kNow);
  EXPECT_THAT(state->brakes(), IsEmpty());
  EXPECT_EQ(state->notes().ignored, 8U);  // `.json` begins with a dot
  EXPECT_EQ(state->notes().texts.size(), 8U);
}

// Makes what is no plain file under `path`.
void make_odd(const Folder& folder, const std::string& kind, const std::string& path) {
  if (kind == "link") {
    folder.write("elsewhere", kBypass);
    std::filesystem::create_symlink(folder.at("elsewhere"), path);
  } else if (kind == "dangling link") {
    std::filesystem::create_symlink("/nonexistent", path);
  } else if (kind == "device") {
    std::filesystem::create_symlink("/dev/zero", path);
  } else if (kind == "pipe") {
    ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  } else if (kind == "directory") {
    std::filesystem::create_directory(path);
  } else {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    ASSERT_LT(path.size(), sizeof address.sun_path);
    path.copy(address.sun_path, path.size());
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    close(fd);
  }
}

TEST(OperatorRead, LinksPipesAndDirectoriesAreRefused) {
  for (const char* kind : {"link", "dangling link", "device", "pipe", "directory", "socket"}) {
    const Folder folder;
    folder.write(Folder::domain_file("b.test"), kBypass);
    make_odd(folder, kind, folder.at("domain/a.test.json"));
    make_odd(folder, kind == std::string("link") ? "dangling link" : kind,
             folder.at("enforcement.json"));
    folder.touch("enforcement.json", kNow - kHour);
    const auto state = read_operator_state(folder.path(), kNow);
    EXPECT_EQ(state->find("a.test", kNow), nullptr) << kind;
    EXPECT_NE(state->find("b.test", kNow), nullptr) << kind;
    EXPECT_EQ(state->notes().ignored, 1U) << kind;
    EXPECT_TRUE(state->enforcement_off(kNow + 3 * kHour - 1)) << kind;  // unreadable
    EXPECT_FALSE(state->enforcement_off(kNow + 3 * kHour)) << kind;
  }
}

TEST(OperatorRead, ALinkedFolderOfDomainsIsNotFollowed) {
  const Folder folder, other;
  other.write(Folder::domain_file("a.test"), kBypass);
  folder.remove("domain");
  std::filesystem::create_directory_symlink(other.at("domain"), folder.at("domain"));
  const auto state = read_operator_state(folder.path(), kNow);
  EXPECT_THAT(state->brakes(), IsEmpty());
  EXPECT_THAT(state->notes().texts, ElementsAre(HasSubstr("domain: cannot be read")));
  EXPECT_TRUE(state->notes().unread);
  EXPECT_FALSE(read_operator_state(other.path(), kNow)->notes().unread);
  EXPECT_TRUE(read_operator_state(other.at(Folder::domain_file("a.test")), kNow)->notes().unread);
}

TEST(OperatorRead, AFileOverTheLimitIsIgnored) {
  const Folder folder;
  const std::string fits = kBypass + std::string(kFileBytes - std::string(kBypass).size(), ' ');
  folder.write(Folder::domain_file("fits.test"), fits);
  folder.write(Folder::domain_file("large.test"), fits + ' ');
  const auto state = read_operator_state(folder.path(), kNow);
  EXPECT_NE(state->find("fits.test", kNow), nullptr);
  EXPECT_EQ(state->find("large.test", kNow), nullptr);
  EXPECT_THAT(state->notes().texts, ElementsAre("domain/large.test.json: larger than 16 KiB"));
}

// Whatever octets stand in one file, the other domains' brakes hold and enforcement is as it was.
TEST(OperatorRead, AnyGarbledFileLeavesTheOthersInForce) {
  const Folder folder;
  folder.write("enforcement.json", kOff);
  folder.write(Folder::domain_file("a.test"), kBypass);
  folder.write(Folder::domain_file("z.test"), kPin);
  std::mt19937 random(8461);  // a fixed seed: the same texts in every run
  std::size_t ignored = 0;
  for (int i = 0; i < 600; ++i) {
    std::string text = i % 2 == 0 ? kBypass : kPin;
    switch (i % 4) {
      case 0:
        text.resize(random() % text.size());
        break;
      case 1:
        text[random() % text.size()] = static_cast<char>(random());
        break;
      case 2:
        text.insert(random() % text.size(), std::string(1 + random() % 8, "{[\"\\"[random() % 4]));
        break;
      default:
        text.assign(random() % 512, '\0');
        for (char& c : text) c = static_cast<char>(random());
    }
    folder.write(Folder::domain_file("m.test"), text);
    const auto state = read_operator_state(folder.path(), kNow);
    ASSERT_TRUE(state->enforcement_off(kNow)) << text;
    ASSERT_NE(state->find("a.test", kNow), nullptr) << text;
    ASSERT_NE(state->find("z.test", kNow), nullptr) << text;
    ignored += state->notes().ignored;
  }
  EXPECT_GT(ignored, 450U);
}

TEST(OperatorRead, NotesAreBoundedAndCounted) {
  const Folder folder;
  for (int i = 0; i < 100; ++i)
    folder.write(Folder::domain_file("d" + std::to_string(i) + ".test"), "{");
  const auto state = read_operator_state(folder.path(), kNow);
  EXPECT_EQ(state->notes().ignored, 100U);
  EXPECT_EQ(state->notes().texts.size(), kNotes);
}

}  // namespace
}  // namespace mxw::operators
