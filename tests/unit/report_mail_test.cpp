// The mail around a report: composed by us, read in every shape others give it.
#include <gtest/gtest.h>

#include "core/base/bytes.hpp"
#include "core/base/digest.hpp"
#include "core/report/compose.hpp"
#include "core/report/limits.hpp"
#include "core/report/read.hpp"
#include "tests/unit/report_support.hpp"

namespace mxw::report {
namespace {

const std::string& zipped() {
  static const std::string octets = gzip(write_json(full_report()).value_or(""));
  return octets;
}

MailParts parts() {
  return {.from = "tlsrpt-noreply@sender.example",
          .to = "tlsrpt@example.org",
          .date = Time{1'795'262'400 * kSecond},  // 2026-11-21T12:00:00Z
          .domain = "example.org",
          .submitter = "sender.example",
          .report_id = report_id(identity()),
          .file_name = file_name(identity()),
          .gzip = zipped()};
}

std::string composed() {
  return compose_mail(parts()).value_or("");
}

TEST(ReportMail, HasTheHeadersOfTheRfc) {
  const std::string mail = composed();
  EXPECT_EQ(mail.substr(0, mail.find("boundary")),
            "From: tlsrpt-noreply@sender.example\r\n"
            "To: tlsrpt@example.org\r\n"
            "Date: Sat, 21 Nov 2026 12:00:00 +0000\r\n"
            "Message-ID: <20261120.example.org.20e2d895@sender.example>\r\n"
            "Subject: Report Domain: example.org\r\n"
            " Submitter: sender.example\r\n"
            " Report-ID: <20261120.example.org.20e2d895@sender.example>\r\n"
            "TLS-Report-Domain: example.org\r\n"
            "TLS-Report-Submitter: sender.example\r\n"
            "TLS-Required: No\r\n"
            "Auto-Submitted: auto-generated\r\n"
            "MIME-Version: 1.0\r\n"
            "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n ");
  EXPECT_EQ(mail, composed());
}

TEST(ReportMail, TellsPeopleWhatIsInIt) {
  const std::string mail = composed();
  EXPECT_TRUE(
      mail.contains("This is an aggregate TLS report (RFC 8460) from Sender Example\r\n"
                    "about mail to example.org\r\n"
                    "from 2026-11-20T00:00:00Z to 2026-11-20T23:59:59Z.\r\n\r\n"
                    "example.org, sts: 5326 sessions succeeded, 303 failed\r\n"
                    "  starttls-not-supported: 300\r\n  validation-failure: 3\r\n"
                    "mx1.example.org, tlsa: 1 sessions succeeded, 0 failed\r\n"));
}

TEST(ReportMail, IsReadBackWithoutADeviation) {
  const AnyReport read = read_any(composed());
  EXPECT_EQ(read.kind, AnyReport::Kind::mail);
  ASSERT_TRUE(read.report);
  EXPECT_EQ(*read.report, full_report());
  EXPECT_EQ(read.deviations.text(), "");
  EXPECT_EQ(read.mail.from_domain, "sender.example");
  EXPECT_EQ(read.mail.report_domain, "example.org");
  EXPECT_EQ(read.mail.submitter, "sender.example");
  EXPECT_EQ(read.mail.subject_id, report_id(identity()));
  EXPECT_EQ(read.mail.message_id, report_id(identity()));
  EXPECT_EQ(read.mail.file_name, file_name(identity()));
  EXPECT_TRUE(read.mail.tls_required_no);
  EXPECT_FALSE(read.mail.signed_mail);
}

TEST(ReportMail, LinesAreShortAndOfSevenBit) {
  Report report = full_report();
  report.organization = "Exämple = " + std::string(300, 'x') + " ";
  const std::string octets = gzip(write_json(report).value_or(""));
  MailParts with = parts();
  with.gzip = octets;
  const std::string mail = compose_mail(with).value_or("");
  ASSERT_GT(mail.size(), 1'000U);
  std::size_t start = 0;
  const std::size_t body = mail.find("\r\n\r\n");
  for (std::size_t at = 0; at < mail.size(); ++at) {
    EXPECT_LT(static_cast<unsigned char>(mail[at]), 0x80);
    if (mail[at] != '\n') continue;
    ASSERT_EQ(mail[at - 1], '\r');
    const bool header = start < body || mail.substr(start).starts_with(" filename=");
    EXPECT_LE(at - 1 - start, header ? 998U : 76U) << mail.substr(start, at - start);
    start = at + 1;
  }
  EXPECT_EQ(start, mail.size());
  EXPECT_TRUE(mail.contains("Ex=C3=A4mple =3D xxx"));
}

TEST(ReportMail, NothingCanBecomeAHeader) {
  const auto refused = [](auto change) {
    MailParts with = parts();
    change(with);
    return !compose_mail(with).has_value();
  };
  EXPECT_FALSE(refused([](MailParts&) {}));
  for (const std::string bad :
       {"", "a", "a@b\r\nBcc: x@example.org", "a@b, c@d", "a b@example.org", "@example.org", "a@",
        "<a@example.org>", "a@example.org\n", "a@b@example.org", ".a@example.org", "a@[192.0.2.1]",
        "\"a\"@example.org", "a@-example.org", "j\xc3\xb6rg@example.org", "a@b\xc3\xbc.example"}) {
    EXPECT_TRUE(refused([&](MailParts& p) { p.to = bad; })) << bad;
    EXPECT_TRUE(refused([&](MailParts& p) { p.from = bad; })) << bad;
  }
  EXPECT_TRUE(refused([](MailParts& p) { p.to = std::string(65, 'a') + "@example.org"; }));
  for (const std::string bad : {"", "a b", "a\r\nb", "Example.org", "example.org.", "a\xc3\xbc"}) {
    EXPECT_TRUE(refused([&](MailParts& p) { p.domain = bad; })) << bad;
    EXPECT_TRUE(refused([&](MailParts& p) { p.submitter = bad; })) << bad;
    EXPECT_TRUE(refused([&](MailParts& p) { p.report_id = bad; })) << bad;
  }
  for (const std::string bad : {"", "a/b.json.gz", "a\"b", "a\r\nb", "a b"})
    EXPECT_TRUE(refused([&](MailParts& p) { p.file_name = bad; })) << bad;
  EXPECT_TRUE(refused([](MailParts& p) { p.gzip = "{}"; }));
}

// --- mails of others

// A mail without a deviation, a piece of it replaced.
std::string with(std::string_view piece, std::string_view other) {
  std::string mail = composed();
  const std::size_t at = mail.find(piece);
  EXPECT_NE(at, std::string::npos) << piece;
  return mail.replace(at, piece.size(), other);
}

std::string outcome(std::string_view mail) {
  const AnyReport read = read_mail(mail);
  return read.report ? read.deviations.text() : std::string(word(read.report.error()));
}

struct Row {
  std::string_view piece, other, words;
};
// clang-format off
const Row kMails[] = {
    {"From: t", "\r\n\r\nFrom: t", ""},
    {"From: t", "From someone Sat Nov 21 12:00:00 2026\r\nFrom: t", ""},
    {"multipart/report; report-type=\"tlsrpt\"", "Multipart/Report ; Report-Type=TLSRPT", ""},
    {"multipart/report; report-type=\"tlsrpt\"", "multipart/mixed", "mail-type"},
    {"application/tlsrpt+gzip", "application/tlsrpt", "part-type"},
    {"application/tlsrpt+gzip", "application/octet-stream", "part-type"},
    {"application/tlsrpt+gzip", "application/gzip", "part-type"},
    {"application/tlsrpt+gzip", "text/plain", "part-type"},
    {"application/tlsrpt+gzip", "application/json", "part-type part-mismatch"},
    {"application/tlsrpt+gzip", "application/tlsrpt+json", "part-mismatch"},
    {"text/plain", "text/html", "no-plain-text"},
    {"\r\nH4sI", "\r\n!H4sI", "encoding-damaged"},
    {"Date: ", "X-Date: ", "no-date"},
    {"From: tlsrpt-noreply@sender.example", "From: \"a, <b@c>\" (x) <t@sender.example>", ""},
    {"From: tlsrpt-noreply@sender.example", "From: a@sender.example, b@example.net", "from-unclear"},
    {"From: tlsrpt-noreply@sender.example", "From: <a@b> <a@sender.example>", "from-unclear"},
    {"From: tlsrpt-noreply@sender.example", "From: x: a@sender.example;", "from-unclear"},
    {"From: t", "From: a@example.net\r\nFrom: t", "from-unclear"},
    {"From: t", "X-From: t", "from-unclear"},
    {"TLS-Report-Domain: ", "X: ", "no-report-domain"},
    {"TLS-Report-Submitter: ", "X: ", "no-report-submitter"},
    {"TLS-Report-Domain: example.org", "TLS-Report-Domain: example.net", "domain-body"},
    {"TLS-Report-Submitter: sender", "TLS-Report-Submitter: other", "submitter-contact"},
    {"Subject: Report Domain", "Subject: [x] Report Domain", "subject-form"},
    {"Subject: ", "X: ", "subject-form"},
    {"Report-ID: <20261120.example.org.20e2d895@sender.example>", "Report-ID: 20261120.example.org.20e2d895@sender.example", "subject-form"},
    {"Report-ID: <2026", "Report-ID: <2025", "subject-id"},
    {"Report-ID: <20261120.", "Report-ID: <2026:11.", "subject-form subject-id"},
    {"filename=\"", "filename*=utf-8''%22", "file-name-form"},
    {"filename=\"sender.example!example.org!1795132800!1795219199!20e2d895.json.gz\"",
     "filename*=utf-8''sender.example%21example.org%211795132800%211795219199.json.gz", ""},
    {".json.gz\"", ".json\"", "file-name-form"},
    {"filename=\"sender.example!", "filename=\"", "file-name-form"},
    {"filename=\"", "filename=\"x!y!", "file-name-form"},
    {"!1795132800!", "!1795132801!", "file-name-body"},
    {"Content-Disposition: attachment;\r\n filename=", "Content-Type-X: x;\r\n x=", "file-name-form"},
    {"From: t", "DKIM-Signature: v=1; d=sender.example; h=From:TLS-Report-Domain:\r\n tls-report-submitter : To; b=x\r\nFrom: t", ""},
    {"From: t", "DKIM-Signature: v=1; d=sender.example; h=From:To:TLS-Report-Domain; b=x\r\nFrom: t", "headers-unsigned"},
    {"Content-Transfer-Encoding: base64", "X: y", "not-json"},
};
// clang-format on

TEST(ReportMail, EachShapeHasItsWord) {
  for (const Row& row : kMails)
    EXPECT_EQ(outcome(with(row.piece, row.other)), row.words) << row.piece << " -> " << row.other;
}

TEST(ReportMail, LinesMayEndWithLfAlone) {
  std::string mail = composed();
  std::erase(mail, '\r');
  EXPECT_EQ(outcome(mail), "");
}

TEST(ReportMail, TheLastDelimiterMayBeMissing) {
  const std::string mail = composed();
  EXPECT_EQ(outcome(mail.substr(0, mail.rfind("--=_"))), "");
}

TEST(ReportMail, APartMayLieInOthers) {
  const std::string inner = composed();
  const std::string head = inner.substr(0, inner.find("Content-Type: multipart"));
  const std::string body = inner.substr(head.size());
  EXPECT_EQ(
      outcome(head + "Content-Type: multipart/mixed; boundary=\"o(u)ter\"\r\n\r\n--o(u)ter\r\n" +
              body + "\r\n--o(u)ter\r\nContent-Type: text/plain\r\n\r\nfooter\r\n--o(u)ter--\r\n"),
      "mail-type part-nested");
  EXPECT_EQ(outcome(head + "Content-Type: message/rfc822\r\n\r\n" + inner),
            "mail-type part-nested");
}

TEST(ReportMail, AThirdPartIsTold) {
  const std::string mail = composed();
  const std::size_t end = mail.rfind("--=_");
  const std::string mark = mail.substr(end, mail.rfind("--") - end);
  EXPECT_EQ(outcome(mail.substr(0, end) + mark + "\r\nContent-Type: text/plain\r\n\r\n\r\n" + mark +
                    "--\r\n"),
            "part-order");
}

std::string head_with(std::string_view type, std::string_view encoding) {
  const std::string mail = composed();
  return mail.substr(0, mail.find("Content-Type: multipart")) +
         "Content-Type: " + std::string(type) +
         "\r\nContent-Transfer-Encoding: " + std::string(encoding) + "\r\n\r\n";
}

std::string as_quoted(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '=')
      out += "=3D";
    else
      out += c;
    if (out.size() % 60 == 0) out += "=\r\n";
  }
  return out + "\r\n";
}

TEST(ReportMail, TheWholeMessageMayBeTheReport) {
  const std::string json = write_json(full_report()).value_or("");
  const std::string words = "mail-type no-plain-text file-name-form";
  EXPECT_EQ(outcome(head_with("application/tlsrpt+gzip", "base64") + base64(as_bytes(zipped()))),
            words);
  EXPECT_EQ(outcome(head_with("application/tlsrpt+json", "Quoted-Printable") + as_quoted(json)),
            words);
  EXPECT_EQ(outcome(head_with("application/tlsrpt+gzip", "binary") + zipped()), words);
  EXPECT_EQ(outcome(head_with("text/plain", "7bit") + "\r\n" + json),
            "mail-type part-type file-name-form");
}

TEST(ReportMail, Base64EndsAfterOneTwoOrThreeOctets) {
  for (std::string json = write_json(full_report()).value_or(""); json[2] != ' '; json = ' ' + json)
    EXPECT_EQ(
        outcome(head_with("application/tlsrpt+json", "base64") + base64(as_bytes(json)) + "\r\n"),
        "mail-type no-plain-text file-name-form");
}

TEST(ReportMail, OfSeveralPartsTheFirstThatIsAReportCounts) {
  const std::string mail = composed();
  const std::size_t second = mail.find("--=_", mail.find("multipart/report"));
  const std::string mark = mail.substr(second, mail.find("\r\n", second) - second);
  const std::string broken = mark + "\r\nContent-Type: application/json\r\n\r\n{\"a\": 1}\r\n";
  EXPECT_EQ(outcome(mail.substr(0, second) + broken + mail.substr(second)), "part-order");
  // A typed part comes before others; without a report the first refusal is told.
  EXPECT_EQ(
      outcome("Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: application/json\n\n"
              "{}x\n--x\nContent-Type: application/tlsrpt+json\n\n[]\n--x--\n"),
      "no-object");
}

TEST(ReportMail, NoPartNoReport) {
  EXPECT_EQ(outcome(""), "no-report");
  EXPECT_EQ(outcome("Subject: hello\r\n\r\nnothing here\r\n"), "no-report");
  EXPECT_EQ(outcome("Content-Type: multipart/report\r\n\r\n--x\r\n"), "no-report");
}

TEST(ReportMail, PartsDepthAndTriesAreBounded) {
  const std::string json = "\n\n" + write_json(full_report()).value_or("") + '\n';
  const auto nested = [&](std::size_t depth) {
    std::string mail;
    for (std::size_t i = 0; i < depth; ++i)
      mail += "Content-Type: multipart/mixed; boundary=b" + std::to_string(i) + "\n\n--b" +
              std::to_string(i) + '\n';
    return mail + "Content-Type: application/tlsrpt+json" + json;
  };
  EXPECT_TRUE(read_mail(nested(kMailDepth)).report);
  EXPECT_EQ(outcome(nested(kMailDepth + 1)), "no-report");
  const auto listed = [&](std::size_t before, std::string_view part) {
    std::string mail = "Content-Type: multipart/mixed; boundary=b\n\n";
    for (std::size_t i = 0; i < before; ++i) mail.append("--b").append(part).append("\n");
    return mail + "--b\nContent-Type: application/tlsrpt+json" + json;
  };
  EXPECT_TRUE(read_mail(listed(kMailParts - 1, "\n\n")).report);
  EXPECT_EQ(outcome(listed(kMailParts, "\n\n")), "no-report");
  const std::string_view candidate = "\nContent-Type: application/tlsrpt+json\n\n[]";
  EXPECT_TRUE(read_mail(listed(kMailTries - 1, candidate)).report);
  EXPECT_EQ(outcome(listed(kMailTries, candidate)), "no-object");
}

TEST(ReportMail, InputIsBounded) {
  EXPECT_EQ(outcome(composed() + std::string(kInputBytes, '\n')), "too-large");
}

TEST(ReportAny, KindIsSeenByTheFirstOctets) {
  const std::string json = write_json(full_report()).value_or("");
  for (const auto& [octets, kind] : {std::pair{json, "json"},
                                     {"\xef\xbb\xbf \n" + json, "json"},
                                     {zipped(), "gzip"},
                                     {composed(), "mail"}}) {
    const AnyReport read = read_any(octets);
    EXPECT_EQ(name(read.kind), kind);
    EXPECT_TRUE(read.report);
  }
  EXPECT_EQ(read_any("").report.error(), Refusal::no_report);
  EXPECT_EQ(read_any("[]").report.error(), Refusal::no_object);
  EXPECT_EQ(read_any(gzip("x")).report.error(), Refusal::not_json);
  EXPECT_EQ(read_any(gzip(zipped())).report.error(), Refusal::not_json);
}

TEST(ReportAny, EveryBitAndEveryCut) {
  const std::string mail = composed();
  std::size_t read_anyway = 0;
  for (std::size_t at = 0; at < mail.size(); ++at) {
    std::string damaged = mail;
    damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ (1U << at % 8));
    if (read_any(damaged).report) ++read_anyway;
    read_anyway += read_any(std::string_view(mail).substr(0, at)).report ? 1 : 0;
  }
  EXPECT_GT(read_anyway, 500U);
  for (std::size_t at = 0; at < zipped().size(); ++at) {
    std::string damaged = zipped();
    damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ (1U << at % 8));
    const auto text = gunzip(damaged);
    // Header octets a reader ignores: flags of text, time, level, system.
    if (text) EXPECT_LT(at, 10U);
  }
}

}  // namespace
}  // namespace mxw::report
