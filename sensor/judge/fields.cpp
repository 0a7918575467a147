#include "sensor/judge/fields.hpp"

#include <algorithm>

namespace mxw::judge {
namespace {

using evidence::Dir;
using evidence::FailStage;
using evidence::Offered;
using evidence::Point;
using rules::Field;
using rules::Value;

Value when(bool condition, Value value) {
  return condition ? value : Value::unknown();
}

const evidence::TlsAlert* fatal_alert(const evidence::TlsEvidence& tls, const Dir* from) {
  const auto found =
      std::find_if(tls.alerts.begin(), tls.alerts.end(), [from](const evidence::TlsAlert& a) {
        return a.level == 2 && (from == nullptr || a.from == *from);
      });
  return found != tls.alerts.end() ? &*found : nullptr;
}

Value alert_value(const evidence::TlsAlert* alert) {
  return alert != nullptr ? Value::uint(alert->description) : Value::unknown();
}

// An expired policy, or one of mode none, says nothing about hosts any more; a pin holds.
bool lists_hosts(const policy::Judgement& j) {
  const bool holds = j.state == policy::State::enforce_valid || j.state == policy::State::testing ||
                     j.protection == policy::Protection::pin;
  return holds && j.policy != nullptr && !j.policy->policy.mx.empty();
}

std::string_view dane_name(DaneState state) {
  switch (state) {
    case DaneState::secure:
      return "secure";
    case DaneState::insecure:
      return "insecure";
    case DaneState::unusable:
      return "unusable";
    case DaneState::none_seen:
      break;
  }
  return "none_seen";
}

}  // namespace

std::string network_of(const IpAddress& address) {
  const unsigned bits = address.v4() ? 24 : 48;
  return Cidr{masked(address, bits), bits}.text();
}

const std::string& SessionFields::spki() const {
  if (spki_.empty() && v_.chain != nullptr && !v_.chain->certificates.empty())
    spki_ = hex(v_.chain->certificates.front().spki_sha256);
  return spki_;
}

Value SessionFields::get(Field field) const {
  // The identifier's group is its first word; the table is in that order.
  if (field <= Field::capture_drops) return capture(field);
  if (field <= Field::mx_ehlo) return session(field);
  if (field <= Field::ehlo_masked8_unexplained) return greeting(field);
  if (field <= Field::starttls_duplicate_reply) return starttls(field);
  if (field <= Field::tls_server_alert) return tls(field);
  if (field <= Field::cert_self_signed) return certificate(field);
  if (field <= Field::tcp_rst_stage) return tcp(field);
  if (field <= Field::retry_plain) return mail_and_retry(field);
  if (field >= Field::policy_domain && field <= Field::dane_match) return policy(field);
  if (field >= Field::base_mx_sessions && field <= Field::base_client_esmtp_rate)
    return baseline(field);
  return Value::unknown();
}

// Quality as of the decision point, not as of now (semantics 2: "on the facts of its point").
Value SessionFields::capture(Field field) const {
  const evidence::PointState& state = v_.session.point(v_.point);
  const evidence::Quality& q = state.reached ? state.quality : v_.session.quality;
  switch (field) {
    case Field::capture_poor_before_decision:
      return Value::boolean(q.poor());
    case Field::capture_gap:
      return Value::boolean(q.gap);
    case Field::capture_midstream:
      return Value::boolean(q.midstream);
    case Field::capture_one_sided:
      return Value::boolean(q.one_sided);
    case Field::capture_cut:
      return Value::boolean(q.cut);
    case Field::capture_ambiguous:
      return Value::boolean(q.ambiguous);
    default:
      return Value::unknown();
  }
}

Value SessionFields::session(Field field) const {
  const evidence::SessionEvidence& s = v_.session;
  switch (field) {
    case Field::session_role:
      return Value::text(rules::name(v_.role));
    case Field::session_port:
      return Value::uint(s.server.port);
    case Field::session_tcp_handshake_seen:
      return Value::boolean(s.tcp.handshake);
    case Field::session_ended:
      return when(s.ended != evidence::Ended::open, Value::text(evidence::name(s.ended)));
    case Field::session_rtt_min:
      return when(s.tcp.rtt_ns.has_value(),
                  Value::real(static_cast<double>(s.tcp.rtt_ns.value_or(0)) / 1000.0));
    case Field::client_ip:
      return Value::text(client_ip_ = s.client.address.text());
    case Field::client_net:
      return Value::text(client_net_ = network_of(s.client.address));
    case Field::client_ehlo:
      return when(s.greeting() != nullptr,
                  Value::text(s.greeting() != nullptr ? s.greeting()->name : std::string_view{}));
    case Field::mx_ip:
      return Value::text(mx_ip_ = s.server.address.text());
    case Field::mx_net:
      return Value::text(mx_net_ = network_of(s.server.address));
    case Field::mx_host:
      return when(!v_.domain.mx_host.empty(), Value::text(v_.domain.mx_host));
    default:
      return Value::unknown();
  }
}

Value SessionFields::greeting(Field field) const {
  const evidence::SessionEvidence& s = v_.session;
  const bool banner = s.banner_code != 0;
  switch (field) {
    case Field::banner_masked:
      return when(banner, Value::boolean(s.banner_masked));
    case Field::banner_host:
      return when(banner, Value::text(s.banner_host));
    case Field::banner_code:
      return when(banner, Value::uint(s.banner_code));
    default:
      break;
  }
  if (field == Field::ehlo_code) return when(s.ehlo_code != 0, Value::uint(s.ehlo_code));
  const evidence::Greeting* const g = s.greeting();
  if (g == nullptr) return Value::unknown();
  switch (field) {
    case Field::ehlo_accepted:
      return Value::boolean(g->esmtp);
    case Field::ehlo_reply_complete:
      return Value::boolean(g->complete);
    case Field::ehlo_starttls:
      if (g->starttls == Offered::unknown) return Value::unknown();
      return Value::text(g->starttls == Offered::yes       ? "offered"
                         : g->starttls == Offered::garbled ? "garbled"
                                                           : "absent");
    case Field::ehlo_keywords:
      return Value::set(g->keywords);
    case Field::ehlo_fallback_helo:
      return Value::boolean(s.helo_after_refusal && !g->esmtp);
    case Field::ehlo_garbled_count:
      return Value::uint(g->masked);
    case Field::ehlo_chunking:
      return Value::boolean(g->chunking);
    case Field::ehlo_masked8_unexplained:
      return Value::boolean(g->masked8_unexplained);
    default:
      return Value::unknown();
  }
}

Value SessionFields::starttls(Field field) const {
  const evidence::StarttlsEvidence& t = v_.session.starttls;
  const bool answered = t.reply_code != 0;
  const evidence::Greeting* const g = v_.session.greeting();
  switch (field) {
    case Field::starttls_sent:
      return when(v_.session.client_spoke, Value::boolean(t.sent));
    case Field::starttls_reply_code:
      return when(answered, Value::uint(t.reply_code));
    case Field::starttls_reply_text:
      return when(answered, Value::text(t.reply_text));
    case Field::starttls_offered_but_unknown:
      return when(answered && g != nullptr,
                  Value::boolean(g != nullptr && g->starttls == Offered::yes &&
                                 (t.reply_code == 500 || t.reply_code == 502)));
    case Field::starttls_bytes_after_cmd:
      return Value::uint(t.bytes_after_command);
    case Field::starttls_bytes_after_220:
      return Value::uint(t.bytes_after_220);
    case Field::starttls_overwritten:
      return Value::boolean(t.overwritten);
    case Field::starttls_duplicate_reply:
      return Value::boolean(t.duplicate_reply);
    default:
      return Value::unknown();
  }
}

Value SessionFields::tls(Field field) const {
  const evidence::TlsEvidence& t = v_.session.tls;
  constexpr Dir kClient = Dir::client;
  constexpr Dir kServer = Dir::server;
  switch (field) {
    case Field::tls_started:
      return Value::boolean(t.client_hello);
    case Field::tls_completed:
      return Value::boolean(t.completed);
    case Field::tls_version:
      return when(t.server_hello, Value::uint(t.version));
    case Field::tls_cipher:
      return when(t.server_hello, Value::uint(t.cipher));
    case Field::tls_ja3:
      return when(t.client_hello, Value::text(t.ja3));
    case Field::tls_ja3s:
      return when(t.server_hello, Value::text(t.ja3s));
    case Field::tls_ja4:
      return when(t.client_hello, Value::text(t.ja4));
    case Field::tls_downgrade_sentinel:
      return when(t.server_hello, Value::boolean(t.downgrade_sentinel));
    case Field::tls_resumed:
      return when(t.server_hello, Value::boolean(t.resumed));
    case Field::tls_anonymous:
      return when(t.server_hello, Value::boolean(t.anonymous));
    case Field::tls_sni:
      return when(!t.sni.empty(), Value::text(t.sni));
    case Field::tls_alpn:
      return when(t.client_hello, Value::set(t.client_alpns));
    case Field::tls_alert_plain:
      return alert_value(fatal_alert(t, nullptr));
    case Field::tls_fail_stage:
      return when(!t.completed && (v_.session.starttls.sent || v_.session.implicit_tls),
                  Value::text(evidence::name(t.fail_stage)));
    case Field::tls_offered_13:
      return when(t.client_hello, Value::boolean(t.offered_13));
    case Field::tls_plain_after_220:
      return Value::boolean(v_.session.starttls.plain_after_220);
    case Field::tls_client_not_tls:
      return Value::boolean(t.client_not_tls);
    case Field::tls_server_not_tls:
      return Value::boolean(t.server_not_tls);
    case Field::tls_client_alert:
      return alert_value(fatal_alert(t, &kClient));
    case Field::tls_server_alert:
      return alert_value(fatal_alert(t, &kServer));
    default:
      return Value::unknown();
  }
}

Value SessionFields::certificate(Field field) const {
  const evidence::TlsEvidence& t = v_.session.tls;
  if (field == Field::cert_visibility) return Value::text(evidence::name(t.visibility()));
  if (v_.chain == nullptr || v_.chain->certificates.empty()) return Value::unknown();
  const x509::Chain& chain = *v_.chain;
  const x509::Summary& leaf = chain.certificates.front();
  const Time at = t.certificate_at.time;
  switch (field) {
    case Field::cert_spki:
      return Value::text(spki());
    case Field::cert_issuer_spki:
      return when(!chain.issuer_spki.empty(), Value::text(chain.issuer_spki));
    case Field::cert_spki_new:
      return when(v_.mx != nullptr && v_.mx->chains >= kMatureSessions,
                  Value::boolean(v_.mx != nullptr && !v_.mx->spkis.contains(spki())));
    case Field::cert_issuer_new:
      return when(
          v_.mx != nullptr && v_.mx->chains >= kMatureSessions && !chain.issuer_spki.empty(),
          Value::boolean(v_.mx != nullptr && !v_.mx->issuers.contains(chain.issuer_spki)));
    case Field::cert_verify:
      return Value::text(x509::verify_name(chain.verify(at)));
    case Field::cert_name_match:
      return when(!v_.domain.mx_host.empty(),
                  Value::boolean(x509::matches_host(leaf, v_.domain.mx_host)));
    case Field::cert_not_after:
      return Value::time(leaf.not_after);
    case Field::cert_age_h:
      return when(at >= leaf.not_before,
                  Value::uint(static_cast<std::uint64_t>((at - leaf.not_before) / kHour)));
    case Field::cert_days_left: {
      const std::int64_t left = leaf.not_after - at;  // rounded down: a past date is never 0
      return Value::integer(left >= 0 ? left / kDay : -((-left + kDay - 1) / kDay));
    }
    case Field::cert_self_signed:
      return Value::boolean(leaf.self_signed);
    default:
      return Value::unknown();
  }
}

Value SessionFields::tcp(Field field) const {
  const evidence::SessionEvidence& s = v_.session;
  switch (field) {
    case Field::tcp_overlap_conflicts:
      return Value::uint(s.tcp.overlap_conflicts);
    case Field::tcp_rst:
      return Value::boolean(s.tcp.rst);
    case Field::tcp_rst_then_data:
      return Value::boolean(s.tcp.rst_then_data);
    case Field::tcp_rst_ttl_delta:
      return when(s.tcp.rst, Value::integer(s.tcp.rst_ttl_delta));
    case Field::tcp_rst_stage: {
      if (!s.tcp.rst) return Value::unknown();
      // A refused STARTTLS starts nothing; what is no TLS settles the handshake as completion does.
      const bool refused = s.starttls.reply_code != 0 && s.starttls.reply_code != 220;
      if (!s.implicit_tls && (!s.starttls.sent || refused)) return Value::text("before_starttls");
      if (s.tls.completed || s.tls.client_not_tls || s.tls.server_not_tls)
        return Value::text("settled");
      return Value::text(s.tls.client_hello ? "handshake" : "after_starttls");
    }
    default:
      return Value::unknown();
  }
}

Value SessionFields::mail_and_retry(Field field) const {
  const evidence::SessionEvidence& s = v_.session;
  const bool retried = v_.retry != nullptr;
  switch (field) {
    case Field::mail_accepted_in_clear:
      return Value::boolean(s.mail_accepted_in_clear);
    case Field::mail_auth_plain:
      return Value::boolean(s.auth_in_clear);
    case Field::mail_bare_lf_eod:
      return Value::boolean(s.bare_lf_end_of_data);
    case Field::mail_smtp_verb_after_eod:
      return Value::boolean(s.verb_after_end_of_data);
    case Field::mail_http_verb:
      return Value::boolean(s.http_on_mail_port);
    case Field::auth_mechanism:
      return when(s.auth_in_clear, Value::text(s.auth_mechanism));
    case Field::retry_prev_failure:
      return when(retried, Value::text(retried ? name(v_.retry->how) : std::string_view{}));
    case Field::retry_gap_s: {
      if (!retried) return Value::unknown();
      const std::int64_t gap = (s.start.time - v_.retry->at.time) / kSecond;
      return Value::uint(static_cast<std::uint64_t>(std::max<std::int64_t>(0, gap)));
    }
    case Field::retry_same_mx:
      return when(retried, Value::boolean(v_.retry_same_mx));
    case Field::retry_plain:
      return Value::boolean(s.mail_accepted_in_clear);
    default:
      return Value::unknown();
  }
}

Value SessionFields::policy(Field field) const {
  const DomainView& d = v_.domain;
  const policy::Judgement& j = d.judgement;
  if (field == Field::policy_domain_basis) return Value::text(name(d.basis));
  if (d.domain.empty()) return Value::unknown();
  switch (field) {
    case Field::policy_domain:
      return Value::text(d.domain);
    case Field::policy_protection:
      return Value::text(policy::protection_name(j.protection));
    case Field::policy_state:
      return Value::text(policy::state_name(j.state));
    case Field::policy_session_mx_in_policy: {
      const bool known = !d.mx_host.empty() && lists_hosts(j);
      return when(known,
                  Value::boolean(known && policy::mx_matches(j.policy->policy.mx, d.mx_host)));
    }
    case Field::dane_state:
      return Value::text(dane_name(d.dane));
    case Field::dane_match:
      return when(d.dane_match.has_value(), Value::boolean(d.dane_match.value_or(false)));
    default:
      return Value::unknown();
  }
}

Value SessionFields::baseline(Field field) const {
  const bool of_client = field >= Field::base_client_sessions;
  const BaselineRow* const row = of_client ? v_.client : v_.mx;
  if (row == nullptr) return Value::unknown();
  const auto rate = [](std::uint64_t part, std::uint64_t whole) {
    return when(whole >= kMatureSessions, Value::real(BaselineRow::rate(part, whole)));
  };
  switch (field) {
    case Field::base_mx_sessions:
    case Field::base_client_sessions:
      return Value::uint(row->sessions);
    case Field::base_mx_age_d:
    case Field::base_client_age_d:
      return Value::uint(static_cast<std::uint64_t>(
          std::max<std::int64_t>(0, (v_.session.start.time - row->first) / kDay)));
    case Field::base_mx_starttls_rate:
      return rate(row->starttls_offered, row->complete_replies);
    case Field::base_mx_tls_rate:
    case Field::base_client_tls_rate:
      return rate(row->tls, row->tls_eligible);
    case Field::base_mx_esmtp_rate:
      return rate(row->esmtp, row->first_greetings);
    case Field::base_mx_trusted_rate:
      return rate(row->trusted, row->chains);
    case Field::base_mx_spki_known:
      return when(!spki().empty(), Value::boolean(row->spkis.contains(spki())));
    case Field::base_mx_issuer_known:
      return when(
          v_.chain != nullptr && !v_.chain->issuer_spki.empty(),
          Value::boolean(v_.chain != nullptr && row->issuers.contains(v_.chain->issuer_spki)));
    case Field::base_mx_version_steps_below: {
      const evidence::TlsEvidence& t = v_.session.tls;
      if (!t.server_hello || row->versions_seen < kMatureSessions) return Value::unknown();
      // Among all clients an old one is no downgrade; among its own earlier sessions it is.
      const std::uint16_t least = row->versions.begin()->first;
      const std::uint16_t usual = v_.mx_of_path ? least : std::min(least, t.client_version);
      return Value::uint(usual > t.version ? static_cast<std::uint64_t>(usual - t.version) : 0U);
    }
    default:
      return Value::unknown();
  }
}

}  // namespace mxw::judge
