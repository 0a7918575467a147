// What net/https promises of a POST: what is sent, to whom, and what each answer means.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "https_server.hpp"
#include "net/https/poster.hpp"

namespace mxw::https {
namespace {

using test::CertSpec;
using test::Connection;
using test::HttpsServer;
using test::response;
using testing::HasSubstr;
using testing::Not;
using Outcome = PostResult::Outcome;

class HttpsPostTest : public test::HttpsTest {
 protected:
  HttpsPostTest() {
    post_config.ca_file = authority.file();
    post_config.total_ns = 5 * kSecond;
    post_config.allow = config.allow;
  }
  static CertSpec spec() { return {.dns = {"r.example.test"}}; }
  const HttpsServer& answers(const std::string& said) {
    return serve(spec(), [said](const Connection& connection) { connection.send(said); });
  }
  PostRequest to_server() const {
    const std::string port = std::to_string(server ? server->port() : kHttpsPort);
    return {.url = parse_https_url("https://r.example.test:" + port + "/v1?a=b#c").value(),
            .addresses = {IpAddress::parse("127.0.0.1").value()},
            .media_type = "application/tlsrpt+gzip",
            .body = {0x1f, 0x8b, 0x00, 0xff, 0x0d, 0x0a}};
  }
  PostResult post(const PostRequest& asked) {
    if (!poster) poster = Poster::create(*loop, post_config).value();
    PostResult got;
    int calls = 0;
    poster->post(asked, [&](const PostResult& result) {
      got = result;
      ++calls;
      loop->stop();
    });
    EXPECT_EQ(calls, 0) << "called from within post()";
    run();
    EXPECT_EQ(calls, 1);
    return got;
  }
  PostResult post() { return post(to_server()); }

  PostConfig post_config;
  std::unique_ptr<Poster> poster;
};

TEST_F(HttpsPostTest, BringsTheBody) {
  const HttpsServer& host = answers(response("thanks", "201 Created"));
  const PostResult result = post();
  EXPECT_EQ(result.outcome, Outcome::accepted) << result.detail;
  EXPECT_EQ(result.status, 201);
  EXPECT_EQ(result.cause, Cause::ok);
  EXPECT_EQ(host.server_name(), "r.example.test");
  ASSERT_EQ(host.requests().size(), 1U);
  const std::string request = host.requests()[0];
  EXPECT_TRUE(request.starts_with("POST /v1?a=b HTTP/1.1\r\n")) << request;
  EXPECT_THAT(request, HasSubstr("\r\nHost: r.example.test:"));
  EXPECT_THAT(request, HasSubstr("\r\nContent-Type: application/tlsrpt+gzip\r\n"));
  EXPECT_THAT(request, HasSubstr("\r\nContent-Length: 6\r\n"));
  EXPECT_THAT(request, Not(HasSubstr("Expect")));
  EXPECT_THAT(request, Not(HasSubstr("Authorization")));
  EXPECT_TRUE(request.ends_with(std::string("\r\n\r\n\x1f\x8b\x00\xff\r\n", 10)));
}

TEST_F(HttpsPostTest, WhatEachStatusMeans) {
  struct Row {
    const char* status;
    Outcome outcome;
  };
  for (const Row& row : {Row{"200 OK", Outcome::accepted},
                         {"202 Accepted", Outcome::accepted},
                         {"204 No Content", Outcome::accepted},
                         {"299 x", Outcome::accepted},
                         {"301 Moved", Outcome::retry},
                         {"307 Temporary", Outcome::retry},
                         {"400 Bad Request", Outcome::refused},
                         {"401 Unauthorized", Outcome::refused},
                         {"404 Not Found", Outcome::refused},
                         {"408 Request Timeout", Outcome::retry},
                         {"410 Gone", Outcome::refused},
                         {"413 Too Large", Outcome::refused},
                         {"425 Too Early", Outcome::retry},
                         {"429 Too Many Requests", Outcome::retry},
                         {"500 Oops", Outcome::retry},
                         {"503 Busy", Outcome::retry}}) {
    const HttpsServer& host =
        answers(response("", row.status, "text/html", "Location: https://r.example.test/\r\n"));
    const PostResult result = post();
    EXPECT_EQ(result.outcome, row.outcome) << row.status;
    EXPECT_EQ(result.status, std::stol(row.status));
    EXPECT_EQ(host.connections(), 1) << row.status;
  }
}

TEST_F(HttpsPostTest, TheStatusCountsWhateverBecomesOfTheAnswersBody) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
  answers(head + "cut");
  EXPECT_EQ(post().outcome, Outcome::accepted);
  serve(spec(), [&head](const Connection& connection) {
    connection.send(head);
    connection.repeat(std::string(4'096, 'x'));
  });
  EXPECT_EQ(post().outcome, Outcome::accepted);
}

TEST_F(HttpsPostTest, WithoutAWholeHeadNothingWasAccepted) {
  for (const char* said :
       {"", "HTTP/1.1 200 OK\r\nA: b\r\n", "HTTP/1.1 100 Continue\r\n\r\n", "x\r\n"}) {
    answers(said);
    const PostResult result = post();
    EXPECT_EQ(result.outcome, Outcome::retry) << said;
    EXPECT_EQ(result.status, 0) << said;
    EXPECT_NE(result.cause, Cause::ok) << said;
  }
}

TEST_F(HttpsPostTest, OnlyAddressesThatMayBeReached) {
  answers(response(""));
  PostRequest asked = to_server();
  for (const char* address :
       {"10.0.0.1", "192.168.1.1", "169.254.1.1", "::1", "fe80::1", "192.0.2.1"}) {
    asked.addresses = {IpAddress::parse(address).value()};
    EXPECT_EQ(post(asked).cause, Cause::address_refused) << address;
  }
  asked.addresses.clear();
  EXPECT_EQ(post(asked).cause, Cause::no_address);
  EXPECT_EQ(server->connections(), 0);
  poster.reset();
  post_config.allow.clear();
  EXPECT_EQ(post().cause, Cause::address_refused);
  EXPECT_EQ(post().outcome, Outcome::retry);
}

TEST_F(HttpsPostTest, CertificatesCountUnlessTheyNeedNot) {
  const test::Key other = test::ec_key();
  const auto script = [](const Connection& connection) { connection.send(response("")); };
  const auto certificates = {test::make_cert(spec(), key),
                             authority.issue({.dns = {"other.test"}}, key)};
  for (const test::Cert& certificate : certificates) {
    server = std::make_unique<HttpsServer>(certificate, key, script);
    const PostResult result = post();
    EXPECT_EQ(result.outcome, Outcome::retry);
    EXPECT_TRUE(server->requests().empty());
  }
  poster.reset();
  post_config.insecure = true;
  for (const test::Cert& certificate : certificates) {
    server = std::make_unique<HttpsServer>(certificate, key, script);
    EXPECT_EQ(post().outcome, Outcome::accepted);
  }
}

TEST_F(HttpsPostTest, SilenceEndsWithTheTotalTime) {
  post_config.total_ns = 200 * kMillisecond;
  serve(spec(), [](const Connection& connection) { connection.wait_for_the_end(); });
  const PostResult result = post();
  EXPECT_EQ(result.cause, Cause::timeout);
  EXPECT_EQ(result.outcome, Outcome::retry);
}

TEST(HttpsUrl, Good) {
  struct Row {
    const char *text, *asked, *host;
    std::uint16_t port;
  };
  for (const Row& row :
       {Row{"https://a.test", "https://a.test", "a.test", 443},
        {"HTTPS://A.Test/x", "HTTPS://A.Test/x", "a.test", 443},
        {"https://a.test:8443/x?y=%20#z", "https://a.test:8443/x?y=%20", "a.test", 8'443},
        {"https://a.test?b@c", "https://a.test?b@c", "a.test", 443}}) {
    const auto url = parse_https_url(row.text);
    ASSERT_TRUE(url.has_value()) << row.text;
    EXPECT_EQ(url->text, row.asked);
    EXPECT_EQ(url->host.text(), row.host);
    EXPECT_EQ(url->port, row.port);
  }
}

TEST(HttpsUrl, Bad) {
  for (const char* text :
       {"", "https://", "https:///x", "http://a.test/", "https://u:p@a.test/", "https://u@a.test/",
        "https://192.0.2.1/", "https://[2001:db8::1]/", "https://a.test:0/",
        "https://a.test:65536/", "https://a.test:/", "https://a.test:44x/", "https://a.test/ x",
        "https://a.test/\r\nX: y", "https://a_b.test/", "https://a.test\\@b.test/",
        "https://%61.test/", "https://a.test/\"", "ftp://a.test/"}) {
    EXPECT_FALSE(parse_https_url(text).has_value()) << text;
  }
  EXPECT_FALSE(parse_https_url("https://a.test/" + std::string(kUrlBytes, 'x')).has_value());
}

}  // namespace
}  // namespace mxw::https
