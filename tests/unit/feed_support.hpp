// What the feed tests share: rows with every member filled, and an owner's rows in memory.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/feed/source.hpp"
#include "core/rows/policy_rows.hpp"

namespace mxw::feed {

inline Time at(std::int64_t seconds) {
  return Time{1'795'000'000 * kSecond} + seconds * kSecond;
}

inline rows::DomainRow domain_row(const std::string& name,
                                  rows::DomainState state = rows::DomainState::policy) {
  return {.tenant = 0,
          .origin = "host-a",
          .name = name,
          .state = state,
          .txt_id = "20261121T080000",
          .txt_until = at(3'600),
          .checked_at = at(1),
          .check_result = "ok",
          .neg_until = at(300),
          .refresh_at = at(86'400),
          .fail_count = 2,
          .fail_type = "sts-webpki-invalid",
          .last_asked = at(0)};
}

inline rows::PolicyRow policy_row(const std::string& domain, const std::string& id = "1",
                                  const std::string& more = "") {
  return {.tenant = 0,
          .origin = "host-a",
          .domain = domain,
          .id = id,
          .mode = policy::Mode::enforce,
          .body = "version: STSv1\r\nmode: enforce\r\nmx: mx." + domain +
                  "\r\nmax_age: 604800\r\n" + more,
          .valid_from = at(0),
          .fetched_at = at(10),
          .max_age = 604'800,
          .source = "https"};
}

inline rows::RouteRow route_row(const std::string& domain, const std::string& host,
                                const std::string& address = "192.0.2.1") {
  return {.tenant = 0,
          .origin = "host-a",
          .policy_domain = domain,
          .mx_host = host,
          .address = IpAddress::parse(address).value_or(IpAddress{}),
          .source = "dns",
          .seen = at(0),
          .until = at(3'600),
          .ad = true};
}

inline rows::TlsaRow tlsa_row(const std::string& base, std::vector<std::uint8_t> rdata) {
  return {.tenant = 0,
          .origin = "host-a",
          .base = base,
          .rdata = std::move(rdata),
          .ad = true,
          .until = at(3'600)};
}

inline rows::EventRow event_row(const std::string& domain) {
  return {.tenant = 0,
          .origin = "host-a",
          .time = at(5),
          .domain = domain,
          .kind = "fetch",
          .result_type = "sts-policy-fetch-error",
          .detail = "500"};
}

inline rows::TlsrptRow tlsrpt_row(const std::string& domain) {
  return {.tenant = 0,
          .origin = "host-a",
          .domain = domain,
          .record = "v=TLSRPTv1; rua=mailto:tls@example.org",
          .valid_from = at(0),
          .valid_to = at(100),
          .confirmed_at = at(50)};
}

inline rows::RereadRow reread_row(const std::string& domain) {
  return {.tenant = 0,
          .origin = "host-a",
          .domain = domain,
          .at = at(7),
          .ok = true,
          .id = "20261121T080000",
          .mode = policy::Mode::testing};
}

inline rows::PolicyFailureRow failure_row(const std::string& domain) {
  return {.tenant = 0,
          .origin = "host-a",
          .domain = domain,
          .mx_host = "mx.example.org",
          .result = "tlsa-invalid",
          .reason = "no usable TLSA record",
          .from = at(10),
          .to = at(30),
          .seen = at(20)};
}

inline rows::VerdictRow verdict_row(const std::string& id, rows::Subject subject,
                                    const std::string& rule = "R02") {
  return {.id = id,
          .origin = "sensor-a",
          .tenant = 0,
          .rule = rule,
          .severity = "critical",
          .subject = std::move(subject),
          .policy_domain = "example.org",
          .domain_basis = "rcpt",
          .policy_id = "1",
          .first_seen = at(0),
          .last_seen = at(60),
          .expires = at(60 + 900),
          .count = 2,
          .state = rows::VerdictState::active,
          .evidence_ref = "e1"};
}

inline rows::VerdictRow path_verdict(const std::string& id, const std::string& mx_ip,
                                     const std::string& rule = "R02") {
  return verdict_row(
      id,
      rows::PathSubject{IpAddress::parse("198.51.100.1").value_or(IpAddress{}),
                        IpAddress::parse(mx_ip).value_or(IpAddress{}), "mx.example.org"},
      rule);
}

inline rows::VerdictRow domain_verdict(const std::string& id, const std::string& domain) {
  return verdict_row(id, rows::DomainSubject{domain}, "R18");
}

inline rows::VerdictRow session_verdict(const std::string& id, std::uint16_t client_port = 40'000) {
  return verdict_row(
      id,
      rows::SessionSubject{{IpAddress::parse("198.51.100.7").value_or(IpAddress{}), client_port},
                           {IpAddress::parse("192.0.2.25").value_or(IpAddress{}), 25},
                           at(50)},
      "R13");
}

// An owner: current rows and deletions by sequence, as a PolicyStore answers for them.
class FakeSource final : public Source {
 public:
  explicit FakeSource(rows::Sequence begin = 1'000'000) : oldest_(begin), head_(begin) {}

  template <typename Row>
  void put(Row row) {
    row.seq = ++head_;
    if (const auto before = places_.find(key_of(row)); before != places_.end())
      log_.erase(before->second);
    if constexpr (!std::is_same_v<Row, rows::EventRow>) places_[key_of(row)] = head_;
    log_.emplace(head_, std::move(row));
  }
  void del(rows::Table table, const std::string& name) {
    std::erase_if(log_, [&](const auto& item) {
      return std::visit([&](const auto& row) { return falls(row, table, name); }, item.second);
    });
    std::erase_if(places_, [&](const auto& item) { return !log_.contains(item.second); });
    ++head_;
    log_.emplace(head_, rows::Deletion{.table = table, .tenant = 0, .name = name, .seq = head_});
  }
  void lose(rows::Sequence begin) {
    log_.clear();
    places_.clear();
    oldest_ = head_ = begin;
  }

  Result<rows::Sequence> head() override {
    if (broken) return fail(ErrorKind::environment, "the disk is gone");
    return head_;
  }
  Result<std::vector<rows::Change>> current(rows::Sequence after, std::size_t limit) override {
    if (broken) return fail(ErrorKind::environment, "the disk is gone");
    std::vector<rows::Change> rows;
    for (auto item = log_.upper_bound(after); item != log_.end() && rows.size() < limit; ++item) {
      if (!std::holds_alternative<rows::Deletion>(item->second) &&
          !std::holds_alternative<rows::EventRow>(item->second))
        rows.push_back(item->second);
    }
    most_rows = std::max(most_rows, rows.size());
    return rows;
  }
  Result<Changes> changes_since(rows::Sequence from, std::size_t limit) override {
    if (broken) return fail(ErrorKind::environment, "the disk is gone");
    Changes changes{.reset = from < oldest_ || from > head_, .rows = {}, .head = head_};
    if (changes.reset) return changes;
    for (auto item = log_.upper_bound(from); item != log_.end() && changes.rows.size() < limit;
         ++item)
      changes.rows.push_back(item->second);
    if (changes.rows.size() == limit) changes.head = sequence_of(changes.rows.back());
    return changes;
  }

  bool broken = false;
  std::size_t most_rows = 0;  // of one page

 private:
  static std::string key_of(const rows::DomainRow& row) { return "d " + row.name; }
  static std::string key_of(const rows::PolicyRow& row) { return "p " + row.domain; }
  static std::string key_of(const rows::RouteRow& row) {
    return "r " + row.policy_domain + ' ' + row.mx_host + ' ' + row.address.text();
  }
  static std::string key_of(const rows::TlsaRow& row) {
    return "t " + row.base + ' ' + std::string(row.rdata.begin(), row.rdata.end());
  }
  static std::string key_of(const rows::EventRow&) { return "e"; }
  static std::string key_of(const rows::RereadRow& row) { return "l " + row.domain; }
  static std::string key_of(const rows::VerdictRow& row) {
    return "v " + row.origin + ' ' + row.id;
  }

  static bool falls(const rows::DomainRow& row, rows::Table table, const std::string& name) {
    return table == rows::Table::domain && row.name == name;
  }
  static bool falls(const rows::PolicyRow& row, rows::Table table, const std::string& name) {
    return (table == rows::Table::domain || table == rows::Table::policy) && row.domain == name;
  }
  static bool falls(const rows::RouteRow& row, rows::Table table, const std::string& name) {
    return (table == rows::Table::domain || table == rows::Table::mx_route) &&
           row.policy_domain == name;
  }
  static bool falls(const rows::TlsaRow& row, rows::Table table, const std::string& name) {
    return table == rows::Table::tlsa && row.base == name;
  }
  static bool falls(const auto&, rows::Table, const std::string&) { return false; }

  rows::Sequence oldest_, head_;
  std::map<rows::Sequence, rows::Change> log_;
  std::map<std::string, rows::Sequence> places_;
};

}  // namespace mxw::feed
