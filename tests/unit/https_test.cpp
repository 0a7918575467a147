// What net/https promises against policy hosts that are broken, slow or hostile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "core/base/limits.hpp"
#include "https_server.hpp"

namespace mxw::https {
namespace {

using test::CertSpec;
using test::Connection;
using test::HttpsServer;
using test::HttpsTest;
using test::kPolicy;
using test::response;
using testing::HasSubstr;
using testing::Not;

// OpenSSL's security level would forbid TLS 1.1 by itself; here it must be our minimum that does.
// Read by OpenSSL when it is first used.
class LaxOpenssl {
 public:
  LaxOpenssl() {
    std::ofstream(file_) << "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\n"
                            "system_default = lax\n[lax]\nMinProtocol = TLSv1\n"
                            "CipherString = ALL:@SECLEVEL=0\n";
    ::setenv("OPENSSL_CONF", file_.c_str(), 1);
  }
  ~LaxOpenssl() { std::filesystem::remove(file_); }

 private:
  std::string file_ = std::filesystem::temp_directory_path() /
                      ("mxw-openssl-" + std::to_string(::getpid()) + ".cnf");
};
const LaxOpenssl kLaxOpenssl;

TEST_F(HttpsTest, BringsThePolicy) {
  const HttpsServer& host = serve(response(kPolicy));
  const FetchResult result = fetch();
  EXPECT_EQ(result.cause, Cause::ok) << result.detail;
  EXPECT_EQ(result.body, kPolicy);
  EXPECT_EQ(result.status, 200);
  EXPECT_EQ(result.address.text(), "127.0.0.1");
  EXPECT_EQ(host.server_name(), "mta-sts.example.test");
  ASSERT_EQ(host.requests().size(), 1U);
  const std::string request = host.requests()[0];
  EXPECT_TRUE(request.starts_with("GET /.well-known/mta-sts.txt HTTP/1.1\r\n")) << request;
  EXPECT_THAT(request, HasSubstr("\r\nHost: mta-sts.example.test\r\n"));
  EXPECT_THAT(request, Not(HasSubstr("Accept-Encoding")));
  EXPECT_THAT(request, Not(HasSubstr("Cookie")));
}

TEST_F(HttpsTest, EveryFetchIsAConnectionOfItsOwn) {
  // The host keeps the connection open for more.
  const HttpsServer& host = serve([](const Connection& connection) {
    connection.send(response(kPolicy, "200 OK", "text/plain", "Set-Cookie: a=b; Path=/\r\n"));
    connection.wait_for_the_end();
  });
  EXPECT_EQ(fetch().cause, Cause::ok);
  EXPECT_EQ(fetch().cause, Cause::ok);
  EXPECT_EQ(host.connections(), 2);
  EXPECT_THAT(host.requests().back(), Not(HasSubstr("Cookie")));
}

TEST_F(HttpsTest, TheEnvironmentsProxyIsNotUsed) {
  ::setenv("https_proxy", "http://127.0.0.1:1", 1);
  ::setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
  serve(response(kPolicy));
  EXPECT_EQ(fetch().cause, Cause::ok);
  ::unsetenv("https_proxy");
  ::unsetenv("ALL_PROXY");
}

TEST_F(HttpsTest, ChunkedIsRead) {
  serve(
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  EXPECT_EQ(fetch().body, "abcde");
}

// Certificates.

TEST_F(HttpsTest, WildcardForOneLabelIsADnsId) {
  serve(CertSpec{.dns = {"*.example.test"}},
        [](const Connection& c) { c.send(response(kPolicy)); });
  EXPECT_EQ(fetch().cause, Cause::ok);
}

TEST_F(HttpsTest, CertificatesThatDoNotNameTheHost) {
  const std::vector<CertSpec> specs = {
      {.common_name = "mx.example.test", .dns = {"mx.example.test", "example.test"}},
      {.common_name = "mta-sts.example.test", .dns = {"other.test"}},
      {.common_name = "mta-sts.example.test"},  // no DNS-ID: the common name is none
      {.common_name = "mx.example.test", .dns = {"*.test"}},
      {.common_name = "mx.example.test", .dns = {"mta-*.example.test"}},
      {.common_name = "mx.example.test", .dns = {"*.mta-sts.example.test"}}};
  for (const CertSpec& spec : specs) {
    const HttpsServer& host =
        serve(spec, [](const Connection& connection) { connection.send(response(kPolicy)); });
    const FetchResult result = fetch();
    EXPECT_EQ(result.cause, Cause::certificate_name) << result.detail;
    EXPECT_EQ(result_type(result.cause), "sts-webpki-invalid");
    EXPECT_TRUE(host.requests().empty());
  }
}

TEST_F(HttpsTest, CertificatesOutOfDate) {
  for (const auto& [from, until] :
       {std::pair("20200101000000Z", "20210101000000Z"), {"20900101000000Z", "20950101000000Z"}}) {
    CertSpec spec = good_spec();
    spec.not_before = from;
    spec.not_after = until;
    serve(spec, [](const Connection& connection) { connection.send(response(kPolicy)); });
    const FetchResult result = fetch();
    EXPECT_EQ(result.cause, Cause::certificate_expired) << result.detail;
    EXPECT_EQ(result_type(result.cause), "sts-webpki-invalid");
  }
}

TEST_F(HttpsTest, CertificatesNobodyTrusts) {
  const test::Key other = test::ec_key();
  const test::Cert stranger = test::make_cert({.common_name = "Stranger", .ca = true}, other);
  const auto script = [](const Connection& connection) { connection.send(response(kPolicy)); };
  for (const test::Cert& certificate :
       {test::make_cert(good_spec(), key), test::make_cert(good_spec(), key, stranger, other)}) {
    server = std::make_unique<HttpsServer>(certificate, key, script);
    const FetchResult result = fetch();
    EXPECT_EQ(result.cause, Cause::certificate_untrusted) << result.detail;
    EXPECT_EQ(result_type(result.cause), "sts-webpki-invalid");
  }
}

TEST_F(HttpsTest, ACertificateForClientsIsNone) {
  CertSpec spec = good_spec();
  spec.extended_usage = "clientAuth";
  serve(spec, [](const Connection& connection) { connection.send(response(kPolicy)); });
  const FetchResult result = fetch();
  EXPECT_EQ(result.cause, Cause::certificate_other) << result.detail;
  EXPECT_EQ(result_type(result.cause), "sts-webpki-invalid");
}

TEST_F(HttpsTest, TheSystemsRootsDoNotKnowOurs) {
  config.ca_file.clear();
  serve(response(kPolicy));
  EXPECT_EQ(fetch().cause, Cause::certificate_untrusted);
}

TEST_F(HttpsTest, OlderTlsIsRefused) {
  const auto at_most = [this](int version) {
    server = std::make_unique<HttpsServer>(
        authority.issue(good_spec(), key), key,
        [](const Connection& connection) { connection.send(response(kPolicy)); },
        [version](SSL_CTX* context) {
          SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
          SSL_CTX_set_max_proto_version(context, version);
          SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0");
        });
    return fetch();
  };
  const FetchResult old = at_most(TLS1_1_VERSION);
  EXPECT_EQ(old.cause, Cause::tls) << old.detail;
  EXPECT_EQ(result_type(old.cause), "sts-policy-fetch-error");
  EXPECT_EQ(at_most(TLS1_2_VERSION).cause, Cause::ok);
}

// Responses.

TEST_F(HttpsTest, OnlyStatus200) {
  for (const char* status : {"201 Created", "204 No Content", "206 Partial Content",
                             "304 Not Modified", "404 Not Found", "500 Oops", "503 Busy"}) {
    const bool redirect = status[0] == '3';
    serve(response(redirect ? "" : kPolicy, status));
    const FetchResult result = fetch();
    EXPECT_EQ(result.cause, redirect ? Cause::redirect : Cause::status) << status;
    EXPECT_EQ(result.status, std::stol(status));
    EXPECT_EQ(result_type(result.cause), "sts-policy-fetch-error");
  }
}

TEST_F(HttpsTest, RedirectsAreNotFollowed) {
  for (const char* status : {"301 Moved", "302 Found", "307 Temporary", "308 Permanent"}) {
    const HttpsServer& host =
        serve(response(kPolicy, status, "text/plain",
                       "Location: https://mta-sts.example.test/.well-known/mta-sts.txt\r\n"));
    EXPECT_EQ(fetch().cause, Cause::redirect) << status;
    EXPECT_EQ(host.connections(), 1);
  }
}

TEST_F(HttpsTest, OnlyTextPlain) {
  for (const char* type : {"text/html", "application/octet-stream", "text/plainer", ""}) {
    serve(response(kPolicy, "200 OK", type));
    EXPECT_EQ(fetch().cause, Cause::media_type) << type;
  }
}

TEST_F(HttpsTest, AnEmptyBodyIsAnInvalidPolicy) {
  serve(response(""));
  const FetchResult result = fetch();
  EXPECT_EQ(result.cause, Cause::empty_body);
  EXPECT_EQ(result_type(result.cause), "sts-policy-invalid");
}

TEST_F(HttpsTest, TheLimitIsExact) {
  serve(response(std::string(limits::kPolicyBytes, 'x')));
  EXPECT_EQ(fetch().body.size(), 65'536U);
  serve(response(std::string(limits::kPolicyBytes + 1, 'x')));
  EXPECT_EQ(fetch().cause, Cause::too_large);
}

TEST_F(HttpsTest, AnEndlessBodyIsCut) {
  std::atomic<bool> hung_up = false;
  serve([&hung_up](const Connection& connection) {
    connection.send(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n");
    hung_up = connection.repeat("400\r\n" + std::string(1'024, 'x') + "\r\n");
  });
  EXPECT_EQ(fetch().cause, Cause::too_large);
  for (int i = 0; i < 500 && !hung_up; ++i) run_for(10 * kMillisecond);
  EXPECT_TRUE(hung_up);
}

TEST_F(HttpsTest, EndlessHeadersAreCut) {
  serve([](const Connection& connection) {
    connection.send("HTTP/1.1 200 OK\r\n");
    connection.repeat("X-More: " + std::string(100, 'x') + "\r\n");
  });
  EXPECT_EQ(fetch().cause, Cause::headers_too_large);
}

TEST_F(HttpsTest, EndlessInterimResponsesAreCut) {
  serve(
      [](const Connection& connection) { connection.repeat("HTTP/1.1 103 Early Hints\r\n\r\n"); });
  EXPECT_EQ(fetch().cause, Cause::headers_too_large);
}

TEST_F(HttpsTest, AHeaderLineWithoutEndIsCut) {
  serve([](const Connection& connection) {
    connection.send("HTTP/1.1 200 OK\r\nX-More: ");
    connection.repeat(std::string(1'000, 'x'));
  });
  const FetchResult result = fetch();
  EXPECT_EQ(result.cause, Cause::headers_too_large) << result.detail;
}

TEST_F(HttpsTest, ASlowDripEndsWithTheTotalTime) {
  config.total_ns = 600 * kMillisecond;
  serve([](const Connection& connection) { connection.drip(response(kPolicy)); });
  const std::int64_t begin = EventLoop::now();
  EXPECT_EQ(fetch().cause, Cause::timeout);
  EXPECT_GE(EventLoop::now() - begin, 500 * kMillisecond);
  EXPECT_LT(EventLoop::now() - begin, 3 * kSecond);
}

TEST_F(HttpsTest, SilenceEndsWithTheTotalTime) {
  config.total_ns = 300 * kMillisecond;
  serve([](const Connection& connection) { connection.wait_for_the_end(); });
  EXPECT_EQ(fetch().cause, Cause::timeout);
}

TEST_F(HttpsTest, WhatEndsInTheMiddleIsNoPolicy) {
  const std::string whole = response(kPolicy);
  for (const std::size_t size : {std::size_t{0}, std::size_t{10}, whole.size() - 1}) {
    serve(whole.substr(0, size));
    const FetchResult result = fetch();
    EXPECT_NE(result.cause, Cause::ok) << size;
    EXPECT_EQ(result_type(result.cause), "sts-policy-fetch-error") << size;
  }
}

TEST_F(HttpsTest, WhatIsNotHttpIsNoPolicy) {
  serve(kPolicy);
  EXPECT_EQ(fetch().cause, Cause::protocol);
}

// Where it connects to.

TEST_F(HttpsTest, ConnectionRefused) {
  FetchRequest asked = request();
  {
    serve(response(kPolicy));
    asked.port = server->port();
    server.reset();
  }
  const FetchResult result = fetch(asked);
  EXPECT_EQ(result.cause, Cause::connect);
  EXPECT_EQ(result_type(result.cause), "sts-policy-fetch-error");
}

TEST_F(HttpsTest, TheNextAddressIsTriedWhenOneIsClosed) {
  serve(response(kPolicy));
  FetchRequest asked = request();
  asked.addresses.insert(asked.addresses.begin(), IpAddress::parse("127.0.0.77").value());
  const FetchResult result = fetch(asked);
  EXPECT_EQ(result.cause, Cause::ok);
  EXPECT_EQ(result.address.text(), "127.0.0.1");
}

TEST_F(HttpsTest, TheNextAddressIsTriedWhenOneIsSilent) {
  serve(response(kPolicy));
  const test::DeafListener deaf("127.0.0.78", server->port());
  config.connect_ns = 200 * kMillisecond;
  FetchRequest asked = request();
  asked.addresses.insert(asked.addresses.begin(), IpAddress::parse("127.0.0.78").value());
  const std::int64_t begin = EventLoop::now();
  EXPECT_EQ(fetch(asked).cause, Cause::ok);
  EXPECT_GE(EventLoop::now() - begin, config.connect_ns);
  asked.addresses.pop_back();
  EXPECT_EQ(fetch(asked).cause, Cause::timeout);
}

TEST_F(HttpsTest, ABadCertificateIsNotAskedAwayAtTheNextAddress) {
  const HttpsServer& host = serve(CertSpec{.dns = {"other.test"}}, [](const Connection&) {});
  FetchRequest asked = request();
  asked.addresses.push_back(asked.addresses[0]);
  EXPECT_EQ(fetch(asked).cause, Cause::certificate_name);
  EXPECT_EQ(host.connections(), 1);
}

TEST_F(HttpsTest, OurOwnNetworkIsNotReached) {
  const HttpsServer& host = serve(response(kPolicy));
  config.allow.clear();
  for (const std::uint16_t port : {host.port(), kHttpsPort}) {
    FetchRequest asked = request();
    asked.port = port;
    asked.addresses.push_back(IpAddress::parse("::ffff:127.0.0.1").value());
    const FetchResult result = fetch(asked);
    EXPECT_EQ(result.cause, Cause::address_refused);
    EXPECT_EQ(result_type(result.cause), "sts-policy-fetch-error");
  }
  EXPECT_EQ(host.connections(), 0);
}

TEST_F(HttpsTest, OtherPortsOnlyForTheAllowList) {
  FetchRequest asked = request();
  asked.addresses = {IpAddress::parse("8.8.8.8").value()};  // global, so that only the port decides
  asked.port = 8'443;
  EXPECT_EQ(fetch(asked).cause, Cause::address_refused);
}

TEST_F(HttpsTest, NoAddressIsNoFetch) {
  FetchRequest asked = request();
  asked.addresses.clear();
  EXPECT_EQ(fetch(asked).cause, Cause::no_address);
}

// The object itself.

TEST_F(HttpsTest, ManyAtOnceAreLimitedAndAllAnswered) {
  serve(response(kPolicy));
  fetcher = Fetcher::create(*loop, config).value();
  constexpr std::size_t kMany = kFetches + 40;
  std::size_t good = 0, done = 0, most = 0;
  for (std::size_t i = 0; i < kMany; ++i) {
    fetcher->fetch(request(), [&](const FetchResult& result) {
      good += result.cause == Cause::ok ? 1U : 0U;
      if (++done == kMany) loop->stop();
    });
    most = std::max(most, fetcher->in_flight());
  }
  run();
  EXPECT_EQ(most, kFetches);
  EXPECT_EQ(good, kMany);
}

TEST_F(HttpsTest, BeyondTheQueueIsBusy) {
  serve([](const Connection& connection) { connection.wait_for_the_end(); });
  fetcher = Fetcher::create(*loop, config).value();
  std::size_t busy = 0;
  for (std::size_t i = 0; i < kFetches + kWaitingFetches + 2; ++i) {
    fetcher->fetch(request(), [&](const FetchResult& result) {
      EXPECT_EQ(result.cause, Cause::busy);
      EXPECT_EQ(result_type(result.cause), "");
      if (++busy == 2) loop->stop();
    });
  }
  run();
  EXPECT_EQ(busy, 2U);
}

TEST_F(HttpsTest, NobodyIsCalledAfterDestruction) {
  serve([](const Connection& connection) { connection.wait_for_the_end(); });
  fetcher = Fetcher::create(*loop, config).value();
  int calls = 0;
  for (int i = 0; i < 3; ++i) fetcher->fetch(request(), [&](const FetchResult&) { ++calls; });
  run_for(100 * kMillisecond);
  fetcher.reset();
  run_for(100 * kMillisecond);
  EXPECT_EQ(calls, 0);
}

TEST_F(HttpsTest, ACallbackMayDestroyTheFetcher) {
  serve(response(kPolicy));
  fetcher = Fetcher::create(*loop, config).value();
  int calls = 0;
  for (int i = 0; i < 3; ++i) {
    fetcher->fetch(request(), [&](const FetchResult& result) {
      ++calls;
      fetcher.reset();
      EXPECT_EQ(result.body, kPolicy);
      loop->stop();
    });
  }
  run();
  run_for(50 * kMillisecond);
  EXPECT_EQ(calls, 1);
}

// Trouble with the operator's file must not look like trouble with every policy host.
TEST_F(HttpsTest, AMissingOrSpoiledCaFileIsOurTroubleUntilItIsThere) {
  config.ca_file = authority.file() + ".other";
  serve(response(kPolicy));
  EXPECT_EQ(fetch().cause, Cause::local);
  std::ofstream(config.ca_file) << "no certificate\n";
  EXPECT_EQ(fetch().cause, Cause::local);
  std::ofstream(config.ca_file) << std::ifstream(authority.file()).rdbuf();
  EXPECT_EQ(fetch().cause, Cause::ok);
  std::remove(config.ca_file.c_str());
}

}  // namespace
}  // namespace mxw::https
