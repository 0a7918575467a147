// What HttpsPost makes of an address and of an answer.
#include "reportd/https_post.hpp"

#include <gmock/gmock.h>

#include "https_server.hpp"

namespace mxw::reportd {
namespace {

using test::Connection;
using test::response;
using testing::HasSubstr;
using Outcome = Attempt::Outcome;

class HttpsReport : public test::HttpsTest {
 protected:
  void SetUp() override {
    poster =
        https::Poster::create(
            *loop, {.ca_file = authority.file(), .total_ns = 5 * kSecond, .allow = config.allow})
            .value();
  }
  void answers(const std::string& said) {
    serve({.dns = {"r.example.test"}}, [said](const Connection& c) { c.send(said); });
  }
  std::string url() const {
    return "https://r.example.test:" + std::to_string(server ? server->port() : 443) + "/v1";
  }
  Attempt post(AddressLookup lookup) {
    HttpsPost transport(*poster, std::move(lookup));
    Attempt got;
    int calls = 0;
    transport.post(url(), {1, 2, 3}, [&](const Attempt& attempt) {
      got = attempt;
      ++calls;
      loop->stop();
    });
    EXPECT_EQ(calls, 0) << "called from within post()";
    run();
    EXPECT_EQ(calls, 1);
    return got;
  }
  AddressLookup finds(const std::string& address) {
    return [this, address](const std::string& host, auto found) {
      asked = host;
      found({.known = true, .addresses = {IpAddress::parse(address).value()}});
    };
  }

  std::unique_ptr<https::Poster> poster;
  std::string asked;
};

TEST_F(HttpsReport, IsPostedAndItsStatusTold) {
  answers(response("", "201 Created"));
  const Attempt attempt = post(finds("127.0.0.1"));
  EXPECT_EQ(attempt.outcome, Outcome::accepted);
  EXPECT_EQ(attempt.detail, "HTTP status 201");
  EXPECT_EQ(asked, "r.example.test");
  EXPECT_THAT(server->requests().at(0), HasSubstr("Content-Type: application/tlsrpt+gzip\r\n"));
  EXPECT_TRUE(server->requests().at(0).ends_with("\r\n\r\n\1\2\3"));
  answers(response("", "404 Not Found"));
  EXPECT_EQ(post(finds("127.0.0.1")).outcome, Outcome::refused);
  answers(response("", "503 Busy"));
  EXPECT_EQ(post(finds("127.0.0.1")).outcome, Outcome::retry);
}

TEST_F(HttpsReport, WithoutAnAddressItIsTriedAgain) {
  for (const bool known : {true, false}) {
    const Attempt attempt = post([known](const std::string&, const auto& found) {
      found({.known = known, .addresses = {}});
    });
    EXPECT_EQ(attempt.outcome, Outcome::retry);
    EXPECT_EQ(attempt.detail,
              known ? "no address" : "the address of r.example.test could not be looked up");
  }
  EXPECT_EQ(post(finds("10.0.0.1")).detail, "no address that may be reached");
}

TEST_F(HttpsReport, AnAnswerOfTheResolverMayComeLateOrTooLate) {
  answers(response(""));
  std::function<void(const Addresses&)> found;
  const Addresses address{.known = true, .addresses = {IpAddress::parse("127.0.0.1").value()}};
  Timer later(*loop, [&] { found(address); });
  const auto keep = [&](const std::string&, const auto& callback) {
    found = callback;
    later.start(kMillisecond);
  };
  EXPECT_EQ(post(keep).outcome, Outcome::accepted);
  bool called = false;
  {
    HttpsPost transport(*poster, keep);
    transport.post(url(), {1}, [&](const Attempt&) { called = true; });
  }
  run_for(3 * kMillisecond);
  EXPECT_FALSE(called);
  EXPECT_EQ(poster->in_flight(), 0U);
}

}  // namespace
}  // namespace mxw::reportd
