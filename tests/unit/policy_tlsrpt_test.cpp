// The record of `_smtp._tls` (RFC 8460 section 3).
#include <gtest/gtest.h>

#include "core/policy/tlsrpt_record.hpp"

namespace mxw::policy {
namespace {

std::string outcome(std::string_view txt) {
  const auto record = parse_tlsrpt_record(txt);
  if (!record) return "invalid:" + record.error().reason;
  std::string text;
  for (const TlsrptUri& uri : record->rua) text += (text.empty() ? "" : " ") + uri.text;
  return text;
}

struct Case {
  std::string_view txt, outcome;
};

TEST(TlsrptRecord, GoodLines) {
  const Case cases[] = {
      {"v=TLSRPTv1;rua=mailto:a@example.org", "mailto:a@example.org"},
      {"v=TLSRPTv1; rua=mailto:a@example.org;", "mailto:a@example.org"},
      {"v=TLSRPTv1 ; rua=mailto:a@example.org ; ", "mailto:a@example.org"},
      {"v=TLSRPTv1;rua=https://r.example.org/v1", "https://r.example.org/v1"},
      {"v=TLSRPTv1;rua=mailto:a@example.org , https://r.example.org/?q=a%2Cb",
       "mailto:a@example.org https://r.example.org/?q=a%2Cb"},
      {"v=TLSRPTv1;x-y.z_1=1,2:3;rua=mailto:a@example.org", "mailto:a@example.org"},
      {"v=TLSRPTv1;rua=mailto:a@example.org;rua=mailto:b@example.org", "mailto:a@example.org"},
      {"v=TLSRPTv1;rua=ftp://example.org/x,mailto:a@example.org", "mailto:a@example.org"},
      {"v=TLSRPTv1;rua=MAILTO:a@example.org?subject=x", "MAILTO:a@example.org?subject=x"},
  };
  for (const Case& one : cases) EXPECT_EQ(outcome(one.txt), one.outcome) << one.txt;
}

TEST(TlsrptRecord, BadLines) {
  const Case cases[] = {
      {"", "invalid:not-tlsrpt"},
      {"V=TLSRPTv1;rua=mailto:a@example.org", "invalid:not-tlsrpt"},
      {"v=tlsrptv1;rua=mailto:a@example.org", "invalid:not-tlsrpt"},
      {" v=TLSRPTv1;rua=mailto:a@example.org", "invalid:not-tlsrpt"},
      {"v=TLSRPTv1", "invalid:syntax"},
      {"v=TLSRPTv1;", "invalid:syntax"},
      {"v=TLSRPTv10;rua=mailto:a@example.org", "invalid:syntax"},
      {"v=TLSRPTv1 rua=mailto:a@example.org", "invalid:syntax"},
      {"v=TLSRPTv1;;rua=mailto:a@example.org", "invalid:syntax"},
      {"v=TLSRPTv1;rua", "invalid:syntax"},
      {"v=TLSRPTv1;-x=1;rua=mailto:a@example.org", "invalid:syntax"},
      {"v=TLSRPTv1;x=a=b;rua=mailto:a@example.org", "invalid:syntax"},
      {"v=TLSRPTv1;x=;rua=mailto:a@example.org", "invalid:syntax"},
      {"v=TLSRPTv1;x=1", "invalid:no-rua"},
      {"v=TLSRPTv1;RUA=mailto:a@example.org", "invalid:no-rua"},
      {"v=TLSRPTv1;rua=", "invalid:rua"},
      {"v=TLSRPTv1;rua=a@example.org", "invalid:rua"},
      {"v=TLSRPTv1;rua=mailto:a!b@example.org", "invalid:rua"},
      {"v=TLSRPTv1;rua=mailto:a@example.org,", "invalid:rua"},
      {"v=TLSRPTv1;rua=mailto:a@example.org,,mailto:b@example.org", "invalid:rua"},
      {"v=TLSRPTv1;rua=mailto:a b@example.org", "invalid:rua"},
      {"v=TLSRPTv1;rua=mailto:a%2@example.org", "invalid:rua"},
      {"v=TLSRPTv1;rua=mailto:a%@example.org", "invalid:rua"},
      {"v=TLSRPTv1;rua=ftp://example.org", "invalid:no usable rua"},
      {"v=TLSRPTv1;rua=http://example.org/", "invalid:no usable rua"},
      {"v=TLSRPTv1;rua=mailto:example.org", "invalid:no usable rua"},
      {"v=TLSRPTv1;rua=https:///x", "invalid:no usable rua"},
      {"v=TLSRPTv1;rua=mailto:\xc3\xa4@example.org", "invalid:not-ascii"},
  };
  for (const Case& one : cases) EXPECT_EQ(outcome(one.txt), one.outcome) << one.txt;
  const std::string big = "v=TLSRPTv1;rua=mailto:a@example.org;x=" + std::string(4'096, 'y');
  EXPECT_EQ(outcome(big), "invalid:too large");
}

TEST(TlsrptRecord, ExactlyOneOfSeveralRecordsIsOurs) {
  const std::string good = "v=TLSRPTv1; rua=mailto:a@example.org";
  EXPECT_EQ(select_tlsrpt_record({good}), good);
  EXPECT_EQ(select_tlsrpt_record({"v=spf1 -all", good, "v=TLSRPTv2;x=1"}), good);
  EXPECT_FALSE(select_tlsrpt_record({}));
  EXPECT_FALSE(select_tlsrpt_record({"v=spf1 -all"}));
  EXPECT_FALSE(select_tlsrpt_record({good, good}));
}

}  // namespace
}  // namespace mxw::policy
