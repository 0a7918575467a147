// What surrounds the engine: opening a damaged store, backups, import, the control socket's
// answers.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/base/digest.hpp"
#include "core/ipc/listener.hpp"
#include "core/store/sqlite_policy_store.hpp"
#include "policyd/ask_access.hpp"
#include "policyd/backup_times.hpp"
#include "policyd/control.hpp"
#include "policyd/open_store.hpp"
#include "policyd/program.hpp"
#include "tests/unit/engine_support.hpp"
#include "tests/unit/ipc_support.hpp"

namespace mxw::policyd::test {
namespace {

using Json = nlohmann::json;
constexpr char kPolicy[] = "version: STSv1\nmode: enforce\nmx: mx.example.org\nmax_age: 604800\n";

class OpenStore : public testing::Test {
 protected:
  [[nodiscard]] OpenedStore open() {
    auto opened = open_store(folder, kStart);
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }
  void keep_policy() {
    const OpenedStore opened = open();
    ASSERT_EQ(import_text({"example.org", "1", kPolicy, kStart}, *opened.store, kStart, "by root"),
              Imported::stored);
    ASSERT_TRUE(write_backup(folder, *opened.store));
  }

  SocketDirectory directory;
  std::string folder = directory.file("");
  std::string database = folder + "/policy.db";
};

TEST_F(OpenStore, KeepsWhatIsThere) {
  keep_policy();
  const OpenedStore again = open();
  EXPECT_TRUE(again.notes.empty());
  EXPECT_TRUE(*again.store->current_policy({0, "example.org"}));
}

TEST_F(OpenStore, ADamagedFileIsPutAsideAndTheBackupTaken) {
  keep_policy();
  std::ofstream(database, std::ios::binary) << std::string(8'192, 'x');
  const OpenedStore again = open();
  ASSERT_EQ(again.notes.size(), 3U);
  const auto policy = again.store->current_policy({0, "example.org"});
  ASSERT_TRUE(policy && *policy);
  EXPECT_EQ((*policy)->body, kPolicy);
  std::size_t aside = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder))
    aside += file.path().filename().string().starts_with("policy.db.corrupt-") ? 1U : 0U;
  EXPECT_EQ(aside, 1U);
}

TEST_F(OpenStore, DamageInsideTheFileIsFound) {
  keep_policy();
  {
    std::fstream file(database, std::ios::binary | std::ios::in | std::ios::out);
    for (const int page : {2, 3, 4, 5}) {
      file.seekp(page * 4'096 + 8);
      file << std::string(2'000, '\xa5');
    }
  }
  const OpenedStore again = open();
  EXPECT_EQ(again.notes.size(), 3U);
  EXPECT_TRUE(*again.store->current_policy({0, "example.org"}));
}

// Makes every index of one row that holds nothing but a sequence number lead to a row that is not
// there: 1, as SQLite writes it in an index record (header 3, an integer of 8 octets, the constant
// 1), becomes the constant 0.
void mislead_indexes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  const std::string leads_to_1 = "\x0b\x03\x06\x09";
  std::size_t found = 0;
  for (std::size_t at = 0; (at = bytes.find(leads_to_1, at)) != std::string::npos; ++found)
    bytes[at + 3] = '\x08';
  ASSERT_GT(found, 0U);
  std::ofstream(path, std::ios::binary) << bytes;
}

class DamagedIndex : public OpenStore {
 protected:
  void SetUp() override {
    keep_policy();
    mislead_indexes(database);
    config.paths.operator_dir = folder + "/operator";
  }
  // As the daemon does it, until its loop would run.
  Result<void> start() {
    const auto loop = std::move(EventLoop::create().value());
    service::Notifier notifier(*loop);
    service::Metrics metrics("policyd");
    const service::Given given;
    service::Context context{.loop = *loop,
                             .config = config,
                             .notify = notifier,
                             .metrics = metrics,
                             .given = given,
                             .inherited = {},
                             .run_folder = folder,
                             .state_folder = folder};
    Program program;
    auto started = program.start(context);
    program.stop();
    return started;
  }
  config::Config config;
};

TEST_F(DamagedIndex, IsSeenAtStartAndPutAsideByTheNext) {
  EXPECT_TRUE(open().notes.empty()) << "reading all pages does not find it";
  EXPECT_FALSE(start()) << "a loop would forget that it was told to stop";
  const auto again = start();
  EXPECT_TRUE(again) << again.error().message;
  const OpenedStore opened = open();
  EXPECT_TRUE(opened.notes.empty()) << "once";
  EXPECT_TRUE(*opened.store->current_policy({0, "example.org"})) << "from the backup";
}

TEST_F(OpenStore, WhatWasFoundDamagedInUseIsPutAsideOnce) {
  keep_policy();
  ASSERT_TRUE(mark_damaged(folder));
  const OpenedStore again = open();
  ASSERT_EQ(again.notes.size(), 2U);
  EXPECT_NE(again.notes[0].find("policy.db.corrupt-"), std::string::npos);
  EXPECT_TRUE(*again.store->current_policy({0, "example.org"}));
}

TEST_F(OpenStore, AMarkWithoutAStoreStopsNothing) {
  keep_policy();
  ASSERT_TRUE(std::filesystem::remove(database));
  ASSERT_TRUE(mark_damaged(folder));
  EXPECT_TRUE(*open().store->current_policy({0, "example.org"}));
  EXPECT_TRUE(open().notes.empty());
}

TEST_F(OpenStore, WithoutBackupItStartsEmpty) {
  std::ofstream(database, std::ios::binary) << "no database at all";
  const OpenedStore opened = open();
  EXPECT_EQ(opened.store->statistics()->policies, 0U);
  EXPECT_EQ(opened.notes.size(), 3U);
}

TEST_F(OpenStore, AFolderThatIsNotThereIsAnError) {
  EXPECT_FALSE(open_store(folder + "/absent", kStart));
}

TEST_F(OpenStore, TheTimeOfTheBackupIsThatOfItsFile) {
  EXPECT_FALSE(backup_time(folder));
  keep_policy();
  const auto hour_ago = std::chrono::file_clock::now() - std::chrono::hours(1);
  std::filesystem::last_write_time(folder + "/policy.backup", hour_ago);
  const auto time = backup_time(folder);
  ASSERT_TRUE(time);
  EXPECT_NEAR(static_cast<double>(wall_time() - *time), static_cast<double>(kHour),
              static_cast<double>(kMinute));
}

// When a process that starts at boot time 100 h writes its backups.
TEST(BackupTimes, ADayAfterTheLastOfAnyProcess) {
  constexpr std::int64_t kBoot = 100 * kHour;
  const auto first = [](std::optional<Time> last) {
    const BackupTimes times(last, kStart, kBoot);
    int hour = 0;
    while (!times.due(kBoot + hour * kHour)) ++hour;
    return hour;
  };
  EXPECT_EQ(first(std::nullopt), 1);
  EXPECT_EQ(first(kStart - 2 * kHour), 22);
  EXPECT_EQ(first(kStart - 30 * kDay), 1);
  EXPECT_EQ(first(kStart + 30 * kDay), 24) << "of the future nothing is known";
  BackupTimes times(std::nullopt, kStart, kBoot);
  times.tried(false, kBoot + kHour);
  EXPECT_FALSE(times.due(kBoot + 2 * kHour - 1));
  EXPECT_TRUE(times.due(kBoot + 2 * kHour));
  times.tried(true, kBoot + 2 * kHour);
  EXPECT_FALSE(times.due(kBoot + 26 * kHour - 1));
  EXPECT_TRUE(times.due(kBoot + 26 * kHour));
}

TEST(EngineOptions, WithoutAValidatingResolverNobodyIsAskedForDane) {
  config::Config config;
  config.policyd.dane = true;
  config.map.postfix_dane = config::PostfixDane::dane;
  EXPECT_FALSE(engine_options(config).dane);
  EXPECT_FALSE(engine_options(config).answer_with_dane) << "there is nothing to wait for";
  config.resolver.validating.push_back({*IpAddress::parse("127.0.0.1"), 53});
  EXPECT_TRUE(engine_options(config).dane);
  EXPECT_TRUE(engine_options(config).answer_with_dane);
  config.policyd.dane = false;
  EXPECT_FALSE(engine_options(config).dane);
}

TEST(AskAccess, WithoutItsGroupTheSocketStillServes) {
  const AskAccess absent = ask_access("mxw-no-such-group");
  EXPECT_EQ(absent.mode, 0666U);
  EXPECT_FALSE(absent.group);
  EXPECT_NE(absent.note.find("'mxw-no-such-group' is not known here"), std::string::npos);
  const AskAccess own = ask_access(std::to_string(::getegid()));
  EXPECT_EQ(own.mode, 0660U);
  EXPECT_EQ(own.group, ::getegid());
  EXPECT_EQ(own.note, "");
}

TEST(Import, JudgesWhatItIsGiven) {
  store::MemoryPolicyStore store(kStart);
  const auto import = [&](const std::string& body, Time fetched_at) {
    return import_text({"example.org", "1", body, fetched_at}, store, kStart, "by root");
  };
  EXPECT_FALSE(import("mode: enforce\n", kStart)) << "no policy";
  EXPECT_FALSE(import(kPolicy, kStart + kSecond)) << "fetched in the future";
  EXPECT_EQ(import(kPolicy, kStart - 8 * kDay), Imported::ran_out);
  EXPECT_EQ(import(kPolicy, kStart - kDay), Imported::stored);
  EXPECT_EQ(import(kPolicy, kStart - 2 * kDay), Imported::older);
  const auto row = *store.domain({0, "example.org"});
  ASSERT_TRUE(row);
  EXPECT_EQ(row->refresh_at, kStart) << "looked up again at once";
  EXPECT_EQ(store.events({0, "example.org"}, 9)->front().kind, "policy-imported");
}

// What root writes into the folder of policyd's user, policyd cannot read.
TEST_F(OpenStore, OnlyTheOwnerOfTheFolderMayImport) {
  EXPECT_TRUE(may_import(folder, ::geteuid()));
  const auto refused = may_import(folder, ::geteuid() + 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  const std::string how = "setpriv --reuid=" + std::to_string(::geteuid()) +
                          " --regid=" + std::to_string(::getegid()) + " --clear-groups";
  EXPECT_NE(refused.error().message.find(how), std::string::npos) << refused.error().message;
  EXPECT_EQ(may_import(folder + "/absent", 0).error().kind, ErrorKind::environment);
}

class ControlTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    auto made = Control::create(*loop, listening.get(), {}, *engine, store,
                                [this] { return clock.wall(); });
    ASSERT_TRUE(made);
    control = std::move(*made);
    control->on_commit([this](const rows::EventRow& event) {
      ++commits;
      told.push_back(event.kind + ' ' + event.detail);
    });
  }
  [[nodiscard]] Json ask(Json request) {
    request["v"] = 1;
    const std::string text = control->answer(request.dump(), who);
    EXPECT_LE(text.size(), Control::kReplyBytes);
    Json answer = Json::parse(text, nullptr, false);
    EXPECT_TRUE(answer.is_object() && answer["v"] == 1) << text;
    return answer;
  }
  [[nodiscard]] Json import(const std::string& domain, const std::string& body = kPolicy) {
    return ask({{"cmd", "policy-import"}, {"domain", domain}, {"id", "7"}, {"body", body}});
  }

  SocketDirectory directory;
  std::unique_ptr<EventLoop> loop = std::move(EventLoop::create().value());
  Fd listening =
      ipc::listen_on("unix:" + directory.file("control.sock"), {.type = ipc::SocketType::seqpacket})
          .value();
  std::unique_ptr<Control> control;
  uid_t who = 4'000'000'123;  // nobody's
  std::vector<std::string> told;
};

TEST_F(ControlTest, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(Json::parse(control->answer("no JSON", who))["ok"], false);
  EXPECT_EQ(ask({{"cmd", "dance"}, {"domain", "example.org"}})["ok"], false);
  EXPECT_EQ(ask({{"cmd", "policy-show"}})["ok"], false);
  EXPECT_EQ(ask({{"cmd", "policy-show"}, {"domain", "no host name"}})["ok"], false);
  EXPECT_EQ(import("example.org", "version: STSv1\n")["ok"], false);
}

TEST_F(ControlTest, ImportsShowsAndRemoves) {
  EXPECT_EQ(import("example.org")["result"], "stored");
  EXPECT_EQ(commits, 1) << "readers of the feed are told";
  const Json shown = ask({{"cmd", "policy-show"}, {"domain", "EXAMPLE.org"}});
  ASSERT_EQ(shown["rows"].size(), 3U);
  EXPECT_EQ(shown["rows"][0]["table"], "domain");
  EXPECT_EQ(shown["rows"][1]["row"]["id"], "7");
  EXPECT_EQ(shown["rows"][1]["row"]["body"], "");
  const Json body = ask({{"cmd", "policy-body"}, {"domain", "example.org"}});
  EXPECT_EQ(body["size"], std::string(kPolicy).size());
  EXPECT_EQ(body["body"], base64(as_bytes(std::string_view(kPolicy))));
  EXPECT_EQ(ask({{"cmd", "policy-remove"}, {"domain", "example.org"}, {"reason", "x"}})["ok"],
            true);
  EXPECT_EQ(ask({{"cmd", "policy-remove"}, {"domain", "example.org"}})["ok"], false);
  EXPECT_FALSE(*store.current_policy({0, "example.org"}));
  EXPECT_EQ(ask({{"cmd", "policy-history"}, {"domain", "example.org"}})["rows"].size(), 1U);
}

// What the operator changed names who it was, in the store and to who logs it.
TEST_F(ControlTest, EventsSayWhoDidIt) {
  publish("example.org", kPolicy);
  ASSERT_EQ(import("example.org")["ok"], true);
  ASSERT_EQ(ask({{"cmd", "policy-refresh"}, {"domain", "example.org"}})["ok"], true);
  who = 0;
  const Json removed = ask({{"cmd", "policy-remove"}, {"domain", "example.org"}, {"reason", "x"}});
  ASSERT_EQ(removed["ok"], true);
  EXPECT_EQ(told, (std::vector<std::string>{"policy-imported by uid 4000000123",
                                            "refresh-asked by uid 4000000123",
                                            "policy-removed by root (uid 0): x"}));
  std::vector<std::string> stored;
  const auto events = *store.events({0, "example.org"}, 9);
  for (const rows::EventRow& event : events)
    stored.insert(stored.begin(), event.kind + ' ' + event.detail);
  EXPECT_EQ(stored, told);
}

TEST_F(ControlTest, ListsEveryPolicyOncePageByPage) {
  std::set<std::string> expected, listed;
  for (int i = 0; i < 500; ++i) {
    const std::string domain = "d" + std::to_string(i) + ".example";
    ASSERT_EQ(import(domain)["ok"], true);
    expected.insert(domain);
  }
  Json request = {{"cmd", "policy-list"}};
  for (int pages = 0; pages < 100; ++pages) {
    const Json page = ask(request);
    for (const Json& row : page["rows"])
      EXPECT_TRUE(listed.insert(row["row"]["domain"].get<std::string>()).second);
    if (!page.contains("next")) break;
    request["after"] = page["next"];
  }
  EXPECT_EQ(listed, expected);
}

// One request does not go through a store of 200,000 domains without a policy.
TEST_F(ControlTest, OneRequestLooksAtABoundedPart) {
  constexpr std::size_t kNames = 5'000, kPerRequest = Control::kListPages * Control::kListRows;
  ASSERT_EQ(import("first.example")["ok"], true);
  for (std::size_t i = 0; i < kNames; ++i) {
    rows::DomainRow row;
    row.name = "d" + std::to_string(i) + ".example";
    ASSERT_TRUE(store.put_domain(row, nullptr));
  }
  ASSERT_EQ(import("last.example")["ok"], true);
  Json request = {{"cmd", "policy-list"}, {"at", clock.wall().ns}};
  std::vector<std::string> listed;
  std::size_t requests = 0;
  for (; requests < 100; ++requests) {
    store.current_rows = 0;
    const Json page = ask(request);
    EXPECT_LE(store.current_rows, kPerRequest);
    for (const Json& row : page["rows"]) listed.push_back(row["row"]["domain"]);
    if (!page.contains("next")) break;
    request["after"] = page["next"];
  }
  EXPECT_EQ(listed, (std::vector<std::string>{"first.example", "last.example"}));
  EXPECT_EQ(requests, kNames / kPerRequest);
}

TEST_F(ControlTest, ListsWhatWasKnownThen) {
  ASSERT_EQ(import("example.org")["ok"], true);
  const std::int64_t then = clock.wall().ns;
  advance(kHour);
  ASSERT_EQ(ask({{"cmd", "policy-remove"}, {"domain", "example.org"}})["ok"], true);
  EXPECT_EQ(ask({{"cmd", "policy-list"}})["rows"].size(), 0U);
  const Json was = ask({{"cmd", "policy-list"}, {"at", then}});
  ASSERT_EQ(was["rows"].size(), 1U);
  const Json body = ask({{"cmd", "policy-body"}, {"domain", "example.org"}, {"at", then}});
  EXPECT_EQ(body["size"], std::string(kPolicy).size());
}

TEST_F(ControlTest, ALargeBodyComesInPieces) {
  const std::string large = kPolicy + ("x: " + std::string(60'000, 'y')) + "\n";
  ASSERT_EQ(import("example.org", large)["ok"], true);
  std::size_t offset = 0, pieces = 0;
  while (offset < large.size()) {
    const Json piece = ask({{"cmd", "policy-body"}, {"domain", "example.org"}, {"offset", offset}});
    const std::string expected = large.substr(offset, Control::kBodyPiece);
    ASSERT_EQ(piece["body"], base64(as_bytes(expected)));
    offset += expected.size();
    ++pieces;
  }
  EXPECT_EQ(pieces, 2U);
}

TEST_F(ControlTest, ARefreshLooksAgain) {
  publish("example.org", kPolicy);
  EXPECT_EQ(said("example.org"), "enforce 1");
  const int before = txt_count("example.org");
  EXPECT_EQ(ask({{"cmd", "policy-refresh"}, {"domain", "example.org"}})["ok"], true);
  advance(10 * kSecond);
  EXPECT_GT(txt_count("example.org"), before);
}

}  // namespace
}  // namespace mxw::policyd::test
