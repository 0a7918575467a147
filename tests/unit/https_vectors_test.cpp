// The shared vectors, column `mxwarden`, kinds `fetch` and `media`: each row is played by a real
// HTTPS server and compared. The directory with mta-sts.tsv is named by the environment variable
// MXWARDEN_VECTORS.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "https_server.hpp"
#include "net/https/media_type.hpp"

namespace mxw::https {
namespace {

using test::CertSpec;
using test::Connection;
using test::HttpsTest;
using test::kPolicy;
using test::response;

struct Row {
  std::string input, mxwarden;
};

// Empty when there are no vectors.
std::vector<Row> rows(const std::string& kind) {
  const char* folder = std::getenv("MXWARDEN_VECTORS");
  if (folder == nullptr) return {};
  std::ifstream file(std::string(folder) + "/mta-sts.tsv");
  EXPECT_TRUE(file) << folder;
  std::vector<Row> found;
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string> columns;
    std::istringstream cells(line);
    for (std::string cell; std::getline(cells, cell, '\t');) columns.push_back(cell);
    if (columns.size() >= 4 && columns[0] == kind) found.push_back({columns[1], columns[3]});
  }
  EXPECT_FALSE(found.empty()) << kind;
  return found;
}

// The words of the column.
std::string in_words(const FetchResult& result) {
  switch (result.cause) {
    case Cause::ok:
      return "accepted, then parsed";
    case Cause::redirect:
      return "fetch error, not followed";
    case Cause::too_large:
      return "fetch error (over 65536 bytes)";
    case Cause::media_type:
      return "fetch error (media type)";
    default:
      break;
  }
  const std::string type(result_type(result.cause));
  if (type == "sts-webpki-invalid") return "no policy; TLSRPT " + type;
  return type == "sts-policy-fetch-error" ? "fetch error" : type;
}

TEST(HttpsMediaVectors, Media) {
  const std::vector<Row> all = rows("media");
  if (all.empty()) GTEST_SKIP() << "corpus absent: not compared";
  EXPECT_EQ(all.size(), 9U);
  for (const Row& row : all) {
    EXPECT_EQ(is_plain_text(row.input) ? "accept" : "reject", row.mxwarden) << row.input;
  }
}

class HttpsVectors : public HttpsTest {
 protected:
  // False for a row nobody taught this test.
  bool play(const std::string& input) {
    const std::string start = kPolicy + "filler: ";
    const std::string chunked =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";
    const std::map<std::string, std::string> said = {
        {"404 + any body", response("nothing here", "404 Not Found")},
        {"404 + valid policy body", response(kPolicy, "404 Not Found")},
        {"301 + Location /other", response("", "301 Moved", "text/plain", "Location: /other\r\n")},
        {"200, 65538 byte body", response(start + std::string(65'538 - start.size(), 'x'))},
        {"200, 64016 byte body", response(start + std::string(64'016 - start.size(), 'x'))},
        {"200, empty body", response("")},
        {"200, Content-Type text/html", response(kPolicy, "200 OK", "text/html")},
        {"200, Content-Length 131193, valid start then filler",
         response(start + std::string(131'193 - start.size(), 'x'))},
        {"200, chunked, >131072 bytes, no length", chunked + "20001\r\n" + start +
                                                       std::string(131'073 - start.size(), 'x') +
                                                       "\r\n0\r\n\r\n"}};
    const auto policy = [](const Connection& connection) { connection.send(response(kPolicy)); };
    if (input == "expired certificate") {
      CertSpec spec = good_spec();
      spec.not_before = "20200101000000Z";
      spec.not_after = "20210101000000Z";
      serve(spec, policy);
    } else if (input == "self-signed certificate") {
      server = std::make_unique<test::HttpsServer>(test::make_cert(good_spec(), key), key, policy);
    } else if (const auto found = said.find(input); found != said.end()) {
      serve(found->second);
    } else {
      return false;
    }
    return true;
  }
};

TEST_F(HttpsVectors, Fetch) {
  const std::vector<Row> all = rows("fetch");
  if (all.empty()) GTEST_SKIP() << "corpus absent: not compared";
  EXPECT_EQ(all.size(), 11U);
  for (const Row& row : all) {
    ASSERT_TRUE(play(row.input)) << row.input;
    EXPECT_EQ(in_words(fetch()), row.mxwarden) << row.input;
  }
}

}  // namespace
}  // namespace mxw::https
