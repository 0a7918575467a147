// Files the settings name, as `mxwarden-policyd --check-config` and a start look at them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "policyd/named_files.hpp"
#include "tests/unit/ipc_support.hpp"
#include "tests/unit/x509_make.hpp"

namespace mxw::policyd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class NamedFiles : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    const std::string path = directory.file(name);
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  // What --check-config says; empty when all is good.
  [[nodiscard]] std::string complaint() const {
    const auto sound = check_files(config);
    if (sound) return {};
    EXPECT_EQ(sound.error().kind, ErrorKind::usage);
    return sound.error().message;
  }

  mxw::SocketDirectory directory;
  config::Config config;
};

TEST_F(NamedFiles, WithoutAnyAllIsGood) {
  EXPECT_EQ(complaint(), "");
}

TEST_F(NamedFiles, ListsOfDomains) {
  const std::string a = write("a", "# ours\n\nExample.ORG \nexample.net\r\n");
  const std::string b = write("b", "two.test");
  config.policyd.domains_from = {"file:" + a, "file:" + b};
  EXPECT_EQ(complaint(), "");
  std::vector<std::string> notes;
  EXPECT_THAT(listed_domains(config.policyd.domains_from, notes),
              ElementsAre("example.net", "example.org", "two.test"));
  EXPECT_THAT(notes, IsEmpty());
  const std::string bad = write("bad", "example.org\nno domain\n");
  config.policyd.domains_from = {"file:" + a, "file:" + bad};
  EXPECT_EQ(complaint(), bad + ":2: no domain name");
  config.policyd.domains_from = {"file:" + directory.file("absent")};
  EXPECT_THAT(complaint(), HasSubstr("absent: No such file"));
  config.policyd.domains_from = {"file:" + directory.file(".")};
  EXPECT_THAT(complaint(), HasSubstr(directory.file("."))) << "a folder is no list";
}

// A start goes on with what is good.
TEST_F(NamedFiles, WhatCannotBeTakenOfAListIsToldAndTheRestIsKept) {
  const std::string bad = write("bad", "one.test\nno domain\ntwo.test\n");
  const std::string good = write("good", "three.test\n");
  const std::string absent = directory.file("absent");
  std::vector<std::string> notes;
  EXPECT_THAT(listed_domains({"file:" + bad, "file:" + absent, "file:" + good}, notes),
              ElementsAre("one.test", "three.test", "two.test"));
  EXPECT_THAT(notes,
              ElementsAre(bad + ":2: no domain name", absent + ": No such file or directory"));
  std::string lines;
  for (int i = 0; i < 1'000; ++i) lines += "no domain\n";
  notes.clear();
  EXPECT_THAT(listed_domains({"file:" + write("bad", lines + "last.test\n")}, notes),
              ElementsAre("last.test"));
  EXPECT_EQ(notes.size(), kListNotes + 1);
  EXPECT_EQ(notes.back(), bad + ": 1000 lines are no domain names");
}

TEST_F(NamedFiles, Authorities) {
  const auto key = mxw::test::ec_key();
  config.fetch.ca_file = write("ca.pem", mxw::test::pem_of({mxw::test::make_cert({}, key)}));
  EXPECT_EQ(complaint(), "");
  config.fetch.ca_file = directory.file("absent.pem");
  EXPECT_THAT(complaint(), HasSubstr("absent.pem: No such file"));
  config.fetch.ca_file = write("none.pem", "nothing in here\n");
  EXPECT_THAT(complaint(), HasSubstr("none.pem: holds no certificate"));
  config.fetch.ca_file =
      write("damaged.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  EXPECT_THAT(complaint(), HasSubstr("damaged.pem: certificate 1 cannot be read"));
}

}  // namespace
}  // namespace mxw::policyd
