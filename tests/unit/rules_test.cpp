// The rule engine: what the loader takes and refuses, what overrides may do, when a clause, a case
// and an exemption hold, and the throttle. The shipped rules have rules_shipped_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/rules/evaluate.hpp"
#include "core/rules/loader.hpp"
#include "core/rules/throttle.hpp"
#include "tests/unit/rules_evidence.hpp"
#include "tests/unit/rules_files.hpp"

namespace mxw::rules {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

Time at(std::string_view text) {
  return parse_rfc3339(text).value();
}

// One rule from the text of its cases (and params); everything else is kGoodRule's.
Rule rule_with(std::string_view cases) {
  std::string text(kGoodRule);
  const std::size_t begin = text.find("[[case]]");
  const std::size_t end = text.find("[exempt]");
  text.replace(begin, end - begin, std::string(cases) + "\n");
  RuleFiles files;
  files.write("R01.toml", text);
  Result<RuleSet> set = files.load();
  EXPECT_TRUE(set.has_value()) << (set ? "" : set.error().message);
  return set ? set->rules.at(0) : Rule{};
}

Rule good_rule() {
  RuleFiles files;
  files.write("R01.toml", kGoodRule);
  return files.load().value().rules.at(0);
}

// ---------------------------------------------------------------- the field table

TEST(Fields, TableIsConsistent) {
  for (std::size_t i = 0; i < all_fields().size(); ++i) {
    const FieldInfo& field = all_fields()[i];
    EXPECT_EQ(find_field(field.name), static_cast<Field>(i)) << field.name << " is there twice";
    EXPECT_EQ(field.type == FieldType::enumeration, !field.enum_values.empty()) << field.name;
    EXPECT_FALSE(field.meaning.empty()) << field.name;
    EXPECT_THAT(field.filled_by, testing::AnyOf("", "sensor replay", "sensor live", "policyd"));
  }
  EXPECT_EQ(info(Field::base_mx_starttls_rate).name, "base.mx.starttls_rate");
  EXPECT_FALSE(find_field("ehlo.starttl"));
  EXPECT_FALSE(find_field(""));
}

TEST(Words, NamesAndValuesAreInverse) {
  EXPECT_EQ(parse_severity(name(Severity::critical)), Severity::critical);
  EXPECT_EQ(parse_confidence(name(Confidence::certain)), Confidence::certain);
  EXPECT_EQ(parse_scope(name(Scope::health)), Scope::health);
  EXPECT_EQ(parse_at(name(At::handshake)), At::handshake);
  EXPECT_EQ(parse_role(name(Role::unknown)), Role::unknown);
  EXPECT_EQ(parse_action(name(Action::defer)), Action::defer);
  EXPECT_FALSE(parse_severity("High"));
  EXPECT_FALSE(parse_severity(""));
  EXPECT_LT(Severity::medium, Severity::high);
}

TEST(Words, ConfidenceStepsDownToLow) {
  EXPECT_EQ(step_down(Confidence::certain), Confidence::high);
  EXPECT_EQ(step_down(Confidence::medium), Confidence::low);
  EXPECT_EQ(step_down(Confidence::low), Confidence::low);
}

// ---------------------------------------------------------------- the loader

TEST(Loader, ReadsEveryPartOfARule) {
  RuleFiles files;
  files.write("R01.toml", kGoodRule).write("CATALOGUE.md", "not a rule");
  const Result<RuleSet> set = files.load();
  ASSERT_TRUE(set) << set.error().message;
  ASSERT_EQ(set->rules.size(), 1U);
  const Rule& rule = set->rules[0];
  EXPECT_EQ(set->find("R01"), &rule);
  EXPECT_EQ(set->find("R02"), nullptr);
  EXPECT_EQ(rule.id, "R01");
  EXPECT_EQ(rule.number, 1U);
  EXPECT_EQ(rule.rev, 3U);
  EXPECT_EQ(rule.created, "2026-11-21");
  EXPECT_EQ(rule.scope, Scope::session);
  EXPECT_EQ(rule.at, At::greeting);
  EXPECT_EQ(rule.roles, (RoleSet{Role::outbound, Role::unknown}));
  EXPECT_EQ(rule.base, (ActionSet{Action::log, Action::alert}));
  EXPECT_EQ(rule.protected_, (ActionSet{Action::log, Action::tag, Action::defer}));
  ASSERT_EQ(rule.cases.size(), 2U);
  EXPECT_EQ(rule.cases[0].severity, Severity::critical);
  EXPECT_EQ(rule.cases[0].reason, "first");
  EXPECT_EQ(rule.cases[0].when[1].literal, Literal(std::uint64_t{20}));
  EXPECT_EQ(rule.cases[0].when[0].line, line_of(kGoodRule, "[\"ehlo.starttls\""));
  EXPECT_EQ(rule.cases[0].any[0].literal, Literal(std::vector<std::uint64_t>{25, 587}));
  EXPECT_EQ(rule.cases[1].when[1].literal, Literal(at("2026-11-21T00:00:00Z").ns));
  EXPECT_EQ(effective_at(rule, rule.cases[1]), At::mail);
  EXPECT_TRUE(rule.speaks(Scope::session, At::mail));
  EXPECT_FALSE(rule.speaks(Scope::session, At::end));
  EXPECT_FALSE(rule.speaks(Scope::dns, At::mail));
  EXPECT_EQ(rule.params.at(0).first, "min_sessions");
  EXPECT_EQ(rule.throttle.window, kHour);
  EXPECT_EQ(rule.throttle.max, 2U);
  EXPECT_EQ(rule.throttle.key, (std::vector<Field>{Field::client_ip, Field::mx_ip}));
  EXPECT_EQ(rule.tlsrpt.result, "starttls-not-supported");
  EXPECT_EQ(rule.exempt.client.at(1).by, "ops");
  EXPECT_EQ(rule.sha256.size(), 64U);
  EXPECT_EQ(set->sha256.size(), 64U);
  EXPECT_FALSE(rule.reads_policy());
  EXPECT_TRUE(rule.enabled);
  EXPECT_FALSE(rule.overridden);
}

TEST(Loader, WhatMayBeLeftOut) {
  const Rule rule = [] {
    std::string text(kGoodRule);
    for (const std::string_view table : {"[params]", "[exempt]", "[throttle]", "[tlsrpt]"}) {
      const std::size_t begin = text.find(table);
      text.erase(begin, text.find("\n\n", begin) - begin);
    }
    text.replace(text.find("\"$min_sessions\""), 15, "1");
    text.erase(text.find("role ="), text.find("severity =") - text.find("role ="));
    text.erase(text.find("protected ="), text.find("[doc]") - text.find("protected ="));
    RuleFiles files;
    files.write("R01.toml", text);
    const Result<RuleSet> set = files.load();
    EXPECT_TRUE(set) << set.error().message;
    return set ? set->rules.at(0) : Rule{};
  }();
  EXPECT_TRUE(rule.roles.has(Role::inbound) && rule.roles.has(Role::transit));
  EXPECT_EQ(rule.protected_, rule.base);
  EXPECT_EQ(rule.throttle.window, 0);
  EXPECT_TRUE(rule.tlsrpt.result.empty());
}

struct Refusal {
  std::string_view from, to;  // `to` is the line that must be named
  std::string_view reason;
};

class LoaderRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(LoaderRefuses, WithFileAndLine) {
  const Refusal& r = GetParam();
  const std::string text = edited(r.from, r.to);
  RuleFiles files;
  files.write("R01.toml", text);
  const Result<RuleSet> set = files.load();
  ASSERT_FALSE(set.has_value());
  EXPECT_EQ(set.error().kind, ErrorKind::usage);
  const std::size_t line = line_of(text, r.to);
  EXPECT_THAT(set.error().message,
              StartsWith(files.path("R01.toml") + ":" + std::to_string(line) + ": "));
  EXPECT_THAT(set.error().message, HasSubstr(std::string(r.reason)));
}

INSTANTIATE_TEST_SUITE_P(
    Table, LoaderRefuses,
    testing::Values(
        Refusal{"schema = 1", "schema = 2", "schema 2 is not known"},
        Refusal{"schema = 1", "schema = \"1\"", "not an integer"},
        Refusal{"id = \"R01\"", "id = \"R1\"", "no rule id"},
        Refusal{"id = \"R01\"", "id = \"R00\"", "no rule id"},
        Refusal{"id = \"R01\"", "id = \"R02\"", "differs from the name of the file"},
        Refusal{"title = \"A rule\"", "title = \"\"", "not a text"},
        Refusal{"title = \"A rule\"", "title = = 1", "not TOML"},
        Refusal{"title = \"A rule\"", "tittle = \"A rule\"\ntitle = \"x\"",
                "unknown key \"tittle\""},
        Refusal{"rev = 3", "rev = 0", "\"rev\""},
        Refusal{"created = 2026-11-21", "created = \"2026-11-21\"", "no date"},
        Refusal{"created = 2026-11-21", "created = 2026-11-21T00:00:00Z", "no date"},
        Refusal{"scope = \"session\"", "scope = \"sesion\"", "\"sesion\" is no scope"},
        Refusal{"at = \"greeting\"", "at = \"banner\"", "no decision point"},
        Refusal{"role = [\"outbound\", \"unknown\"]", "role = [\"outward\"]", "no role"},
        Refusal{"role = [\"outbound\", \"unknown\"]", "role = []", "is empty"},
        Refusal{"severity = \"high\"", "severity = \"severe\"", "no severity"},
        Refusal{"severity = \"high\"", "severity = 3", "must be a text"},
        Refusal{"severity = \"critical\"", "severity = \"Critical\"", "no severity"},
        Refusal{"confidence = \"medium\"", "confidence = \"sure\"", "no confidence"},
        Refusal{"allow_unknown = [\"capture.cut\"]", "allow_unknown = [\"policy.reread\"]",
                "no capture.* field"},
        Refusal{"[\"ehlo.starttls\", \"==\", \"absent\"]", "[\"ehlo.starttl\", \"==\", \"absent\"]",
                "unknown field \"ehlo.starttl\""},
        Refusal{"[\"ehlo.starttls\", \"==\", \"absent\"]", "[\"ehlo.starttls\", \"=\", \"absent\"]",
                "unknown operator"},
        Refusal{"[\"ehlo.starttls\", \"==\", \"absent\"]",
                "[\"ehlo.starttls\", \"==\", \"missing\"]",
                "enumeration (offered, absent, garbled)"},
        Refusal{"[\"ehlo.starttls\", \"==\", \"absent\"]", "[\"ehlo.starttls\", \"<\", \"absent\"]",
                "does not fit"},
        Refusal{"[\"ehlo.starttls\", \"==\", \"absent\"]", "[\"ehlo.starttls\", \"==\"]",
                "a clause is [field, op, value]"},
        Refusal{"[\"ehlo.starttls\", \"==\", \"absent\"]",
                "[\"ehlo.starttls\", \"in\", [\"absent\", 1]]", "a list of"},
        Refusal{"[\"ehlo.starttls\", \"==\", \"absent\"]", "[\"ehlo.starttls\", \"in\", []]",
                "a list of"},
        Refusal{"[\"ehlo.starttls\", \"==\", \"absent\"]", "[\"ehlo.accepted\", \"<\", true]",
                "operator < does not fit ehlo.accepted (boolean)"},
        Refusal{"[\"ehlo.starttls\", \"==\", \"absent\"]", "[\"ehlo.accepted\", \"==\", \"true\"]",
                "type: boolean"},
        Refusal{"[\"ehlo.starttls\", \"==\", \"absent\"]", "[\"ehlo.code\", \"==\", -1]",
                "type: unsigned integer"},
        Refusal{"[\"ehlo.starttls\", \"==\", \"absent\"]", "[\"ehlo.code\", \"==\", 5.0]",
                "type: unsigned integer"},
        Refusal{"[\"ehlo.starttls\", \"==\", \"absent\"]", "[\"base.mx.tls_rate\", \"<\", nan]",
                "type: number"},
        Refusal{"[\"ehlo.starttls\", \"==\", \"absent\"]", "[\"base.mx.tls_rate\", \"==\", 1.0]",
                "does not fit"},
        Refusal{"[\"ehlo.starttls\", \"==\", \"absent\"]", "[\"ehlo.keywords\", \"==\", \"SIZE\"]",
                "does not fit"},
        Refusal{"[\"base.mx.sessions\", \">=\", \"$min_sessions\"]",
                "[\"base.mx.sessions\", \">=\", \"$min\"]", "no parameter \"min\""},
        Refusal{"min_sessions = 20", "min_sessions = \"20\"", "base.mx.sessions takes"},
        Refusal{"min_sessions = 20", "unused = 1\nmin_sessions = 20", "no clause uses"},
        Refusal{"reason = \"first\"", "reasons = \"first\"", "unknown key \"reasons\""},
        Refusal{"result = \"validation-failure\"", "result = \"validation-failed\"",
                "no TLS-RPT result type"},
        Refusal{"result = \"starttls-not-supported\"", "result = \"none\"",
                "no TLS-RPT result type"},
        Refusal{"\"192.0.2.0/24\"", "\"192.0.2.0/33\"", "no address or prefix"},
        Refusal{"\"*.example.net\"", "\"mx.*.example.net\"", "no name or *.name"},
        Refusal{"\"example.com\"", "\"example..com\"", "no name or *.name"},
        Refusal{"issuer_spki = [\"0123", "issuer_spki = [\"123", "64 hex digits"},
        Refusal{"until = \"2027-03-01\"", "until = \"next week\"", "\"until\""},
        Refusal{"until = \"2027-03-01\"", "untill = \"2027-03-01\"", "unknown key \"untill\""},
        Refusal{"policy_domain = ", "domain = ", "[exempt]: unknown key"},
        Refusal{"key = [\"client.ip\", \"mx.ip\"]", "key = [\"client.asn\"]",
                "no field of type text"},
        Refusal{"window = \"1h\"", "window = \"1 h\"", "no duration"},
        Refusal{"window = \"1h\"", "window = \"0s\"", "no duration"},
        Refusal{"window = \"1h\"", "window = \"99999999999999999999d\"", "no duration"},
        Refusal{"max = 2", "max = 0", "1 or more"},
        Refusal{"base = [\"log\", \"alert\"]", "base = [\"log\", \"mail\"]", "no action"},
        Refusal{"base = [\"log\", \"alert\"]", "base = [\"log\", \"defer\"]",
                "only for \"protected\""},
        Refusal{"fp = [\"F2\", \"F1b\"]", "fp = [\"F21\"]", "no false-positive code"},
        Refusal{"not_excluded = [\"Something else.\"]", "not_excluded = []", "is empty"},
        Refusal{"next = \"Do something.\"", "next = 1", "not a text"}));

class LoaderNeeds : public testing::TestWithParam<std::string_view> {};

TEST_P(LoaderNeeds, TheKey) {
  std::string text(kGoodRule);
  const std::size_t begin = text.find(std::string(GetParam()) + " =");
  ASSERT_NE(begin, std::string::npos);
  text.erase(begin, text.find('\n', begin) - begin);
  RuleFiles files;
  files.write("R01.toml", text);
  const Result<RuleSet> set = files.load();
  ASSERT_FALSE(set.has_value());
  EXPECT_THAT(set.error().message, HasSubstr('"' + std::string(GetParam()) + "\" is missing"));
  EXPECT_THAT(set.error().message, StartsWith(files.path("R01.toml") + ":"));
}

INSTANTIATE_TEST_SUITE_P(Table, LoaderNeeds,
                         testing::Values("id", "schema", "title", "scope", "at", "severity",
                                         "confidence", "rev", "category", "created", "window",
                                         "base", "refs", "fp", "not_excluded", "next"));

TEST(Loader, PointHasNoMeaningOutsideSessions) {
  RuleFiles files;
  files.write("R01.toml", edited("scope = \"session\"", "scope = \"dns\""));
  const Result<RuleSet> set = files.load();
  ASSERT_FALSE(set.has_value());
  EXPECT_THAT(set.error().message, HasSubstr(":5: \"at\" has no meaning in this scope"));
}

TEST(Loader, OneBadRuleRefusesTheSet) {
  RuleFiles files;
  files.write("R01.toml", kGoodRule).write("R02.toml", "id = \"R02\"\n");
  const Result<RuleSet> set = files.load();
  ASSERT_FALSE(set.has_value());
  EXPECT_THAT(set.error().message, StartsWith(files.path("R02.toml") + ":"));
}

TEST(Loader, TheSameIdTwiceIsRefused) {
  RuleFiles files;
  files.write("R01.toml", kGoodRule).write("R01 copy.toml", kGoodRule);
  const Result<RuleSet> set = files.load();
  ASSERT_FALSE(set.has_value());
  EXPECT_THAT(set.error().message, HasSubstr("R01 copy.toml:1: id \"R01\" differs"));
}

TEST(Loader, NoDirectoryNoRulesHugeFileBinaryFile) {
  EXPECT_FALSE(load("/nonexistent/rules", std::nullopt).has_value());
  RuleFiles files;
  EXPECT_THAT(files.load().error().message, HasSubstr("no rule file"));
  files.write("R01.toml", std::string(70'000, '#'));
  EXPECT_THAT(files.load().error().message, HasSubstr("longer than"));
  files.write("R01.toml", std::string_view("id = \"R\0\xff\"\n", 11));
  EXPECT_THAT(files.load().error().message, StartsWith(files.path("R01.toml") + ":1: not TOML"));
  files.write("R01.toml", "a = " + std::string(60'000, '['));
  EXPECT_THAT(files.load().error().message, HasSubstr("not TOML"));
}

TEST(Loader, TellsWhatCannotFire) {
  RuleFiles files;
  const auto rule = [](std::string_view id, std::string_view clauses) {
    std::string text = edited("id = \"R01\"", "id = \"" + std::string(id) + '"');
    return text.insert(text.find("[[case]]"), "[[case]]\n" + std::string(clauses) + "\n");
  };
  const auto only = [](std::string text) {
    const std::size_t begin = text.find("[[case]]", text.find("[[case]]") + 1);
    text.erase(begin, text.find("[exempt]") - begin);
    return text;
  };
  files.write("R01.toml", kGoodRule);
  files.write("R02.toml", only(rule("R02", "when = [[\"peer.same_spki_asns\", \">\", 2]]")));
  files.write("R03.toml", rule("R03", "when = [[\"policy.reread\", \"==\", true]]"));
  files.write("R04.toml", only(rule("R04",
                                    "any = [[\"capture.drops\", \">\", 2], "
                                    "[\"capture.gap\", \"==\", true]]")));
  const Result<RuleSet> set = files.load();
  ASSERT_TRUE(set) << set.error().message;
  ASSERT_EQ(set->unfilled.size(), 3U);
  EXPECT_EQ(set->rules[set->unfilled[0].rule].id, "R02");
  EXPECT_TRUE(set->unfilled[0].never);
  EXPECT_EQ(set->unfilled[0].fields, std::vector<Field>{Field::peer_same_spki_asns});
  EXPECT_EQ(set->rules[set->unfilled[1].rule].id, "R03");
  EXPECT_FALSE(set->unfilled[1].never) << "other cases of R03 can hold";
  EXPECT_EQ(set->rules[set->unfilled[2].rule].id, "R04");
  EXPECT_FALSE(set->unfilled[2].never) << "the other clause of `any` can hold";
}

TEST(Loader, HashFollowsEveryByte) {
  RuleFiles a, b, c;
  a.write("R01.toml", kGoodRule);
  b.write("R01.toml", kGoodRule);
  c.write("R01.toml", std::string(kGoodRule) + "#\n");
  EXPECT_EQ(a.load()->sha256, b.load()->sha256);
  EXPECT_NE(a.load()->rules[0].sha256, c.load()->rules[0].sha256);
  EXPECT_NE(a.load()->sha256, c.load()->sha256);
}

// ---------------------------------------------------------------- overrides

Result<RuleSet> overridden(std::string_view text) {
  RuleFiles files;
  files.write("R01.toml", kGoodRule).write("overrides", text);
  return files.load_with("overrides");
}

TEST(Overrides, MayChangeWhatIsTheOperators) {
  const Result<RuleSet> set = overridden(R"(
[R01]
severity = "medium"
enabled = true
params.min_sessions = 50
exempt.mx = { append = [{ value = "MX.partner.example", until = "2027-03-01", reason = "firewall" }] }
exempt.policy_domain = ["example.org"]
throttle.window = "6h"
actions.protected = ["log"]
)");
  ASSERT_TRUE(set) << set.error().message;
  const Rule& rule = set->rules[0];
  EXPECT_TRUE(rule.overridden);
  EXPECT_EQ(rule.severity_cap, Severity::medium);
  EXPECT_EQ(rule.cases[0].when[1].literal, Literal(std::uint64_t{50}));
  EXPECT_EQ(rule.params[0].second, Literal(std::uint64_t{50}));
  ASSERT_EQ(rule.exempt.mx.size(), 3U) << "append adds";
  EXPECT_EQ(rule.exempt.mx[2].text, "mx.partner.example");
  ASSERT_EQ(rule.exempt.policy_domain.size(), 1U) << "a list replaces";
  EXPECT_EQ(rule.exempt.policy_domain[0].text, "example.org");
  EXPECT_EQ(rule.throttle.window, 6 * kHour);
  EXPECT_EQ(rule.throttle.max, 2U);
  EXPECT_EQ(rule.protected_, ActionSet{Action::log});
  EXPECT_EQ(rule.base, (ActionSet{Action::log, Action::alert}));
}

TEST(Overrides, ShowInTheHash) {
  const auto hash = [](std::string_view text) { return overridden(text)->rules[0].sha256; };
  RuleFiles plain;
  plain.write("R01.toml", kGoodRule);
  EXPECT_NE(hash("[R01]\nenabled = false\n"), plain.load()->rules[0].sha256);
  EXPECT_NE(hash("[R01]\nenabled = false\n"), hash("[R01]\nenabled = true\n"));
  EXPECT_EQ(hash("[R01]\nenabled = false\n"), hash("# why\nR01 = { enabled = false }\n"));
}

TEST(Overrides, SwitchARuleOff) {
  const Result<RuleSet> set = overridden("R01.enabled = false\n");
  ASSERT_TRUE(set) << set.error().message;
  EXPECT_FALSE(set->rules[0].enabled);
  const TestEvidence evidence(
      "ehlo.starttls=absent base.mx.sessions=20 session.port=25 capture.gap=false "
      "capture.cut=false");
  EXPECT_EQ(evaluate(set->rules[0], At::greeting, evidence, {}).outcome, Outcome::no_match);
}

struct OverrideRefusal {
  std::string_view line;  // put below [R01], so it is line 2
  std::string_view reason;
};

class OverrideRefuses : public testing::TestWithParam<OverrideRefusal> {};

TEST_P(OverrideRefuses, WithTheLineOfTheOverride) {
  RuleFiles files;
  files.write("R01.toml", kGoodRule)
      .write("overrides", "[R01]\n" + std::string(GetParam().line) + "\n");
  const Result<RuleSet> set = files.load_with("overrides");
  ASSERT_FALSE(set.has_value());
  EXPECT_EQ(set.error().kind, ErrorKind::usage);
  EXPECT_THAT(set.error().message, StartsWith(files.path("overrides") + ":2: "));
  EXPECT_THAT(set.error().message, HasSubstr(std::string(GetParam().reason)));
}

INSTANTIATE_TEST_SUITE_P(
    Table, OverrideRefuses,
    testing::Values(OverrideRefusal{"when = [[\"capture.gap\", \"==\", true]]",
                                    "may not set \"when\""},
                    OverrideRefusal{"case = []", "may not set \"case\""},
                    OverrideRefusal{"unless = []", "may not set"},
                    OverrideRefusal{"any = []", "may not set"},
                    OverrideRefusal{"scope = \"dns\"", "may not set"},
                    OverrideRefusal{"at = \"end\"", "may not set"},
                    OverrideRefusal{"tlsrpt.result = \"tlsa-invalid\"", "may not set"},
                    OverrideRefusal{"confidence = \"low\"", "may not set"},
                    OverrideRefusal{"role = [\"inbound\"]", "may not set"},
                    OverrideRefusal{"severity_cap = \"low\"", "may not set"},
                    OverrideRefusal{"enabled = \"no\"", "true or false"},
                    OverrideRefusal{"severity = \"severe\"", "no severity"},
                    OverrideRefusal{"severity = 1", "must be a text"},
                    OverrideRefusal{"params.max = 1", "no parameter \"max\""},
                    OverrideRefusal{"params.min_sessions = 0.5", "base.mx.sessions takes"},
                    OverrideRefusal{"params = 1", "not a table"},
                    OverrideRefusal{"exempt.host = []", "unknown key \"host\""},
                    OverrideRefusal{"exempt.mx = { add = [] }", "append"},
                    OverrideRefusal{"exempt.client = [\"mx.example.org\"]", "no address or prefix"},
                    OverrideRefusal{"throttle.windows = \"1h\"", "unknown key"},
                    OverrideRefusal{"throttle.max = -1", "1 or more"},
                    OverrideRefusal{"actions.base = [\"defer\"]", "only for \"protected\""},
                    OverrideRefusal{"actions.base = [\"quarantine\"]", "no action"}));

TEST(Overrides, UnknownRuleIsRefused) {
  const Result<RuleSet> set = overridden("[R01]\nenabled = true\n\n[R77]\nenabled = false\n");
  ASSERT_FALSE(set.has_value());
  EXPECT_THAT(set.error().message, HasSubstr("overrides:4: there is no rule \"R77\""));
}

TEST(Overrides, SeverityIsACap) {
  const Result<RuleSet> same = overridden("R01.severity = \"critical\"\n");
  ASSERT_TRUE(same) << same.error().message;  // a case of the rule is critical
  RuleFiles files;
  files.write("R01.toml", edited("severity = \"critical\"\n", ""))
      .write("overrides", "R01.severity = \"critical\"\n");
  EXPECT_THAT(files.load_with("overrides").error().message, HasSubstr("cannot raise the severity"));
}

TEST(Overrides, MissingFileIsRefused) {
  RuleFiles files;
  files.write("R01.toml", kGoodRule);
  EXPECT_THAT(files.load_with("nowhere").error().message, HasSubstr("cannot be opened"));
}

// ---------------------------------------------------------------- evaluation

Outcome outcome_of(const Rule& rule, std::string_view evidence) {
  return evaluate(rule, At::greeting, TestEvidence(evidence), {}).outcome;
}

struct Truth {
  std::string_view clause, evidence;
  Outcome in_when;
};

class Clauses : public testing::TestWithParam<Truth> {};

TEST_P(Clauses, HoldOrNot) {
  const Truth& t = GetParam();
  const std::string clause(t.clause);
  EXPECT_EQ(outcome_of(rule_with("[[case]]\nwhen = [" + clause + "]"), t.evidence), t.in_when);
  EXPECT_EQ(outcome_of(rule_with("[[case]]\nany = [" + clause + "]"), t.evidence), t.in_when);
  const Outcome unless = t.in_when == Outcome::match ? Outcome::blocked : Outcome::match;
  EXPECT_EQ(outcome_of(rule_with("[[case]]\nwhen = [[\"tls.started\", \"==\", true]]\nunless = [" +
                                 clause + "]"),
                       std::string(t.evidence) + " tls.started=true"),
            unless);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Clauses,
    testing::Values(
        Truth{R"(["tls.completed","==",true])", "tls.completed=true", Outcome::match},
        Truth{R"(["tls.completed","==",true])", "tls.completed=false", Outcome::no_match},
        Truth{R"(["tls.completed","==",true])", "", Outcome::unknown},
        Truth{R"(["tls.completed","!=",true])", "tls.completed=false", Outcome::match},
        Truth{R"(["tls.completed","!=",true])", "", Outcome::unknown},
        Truth{R"(["ehlo.code",">=",500])", "ehlo.code=500", Outcome::match},
        Truth{R"(["ehlo.code",">=",500])", "ehlo.code=499", Outcome::no_match},
        Truth{R"(["ehlo.code",">",500])", "ehlo.code=500", Outcome::no_match},
        Truth{R"(["ehlo.code","<",500])", "ehlo.code=500", Outcome::no_match},
        Truth{R"(["ehlo.code","<=",500])", "ehlo.code=500", Outcome::match},
        Truth{R"(["ehlo.code","<=",0x7fffffffffffffff])", "ehlo.code=18446744073709551615",
              Outcome::no_match},
        Truth{R"(["ehlo.code","in",[500,502]])", "ehlo.code=502", Outcome::match},
        Truth{R"(["ehlo.code","in",[500,502]])", "ehlo.code=501", Outcome::no_match},
        Truth{R"(["ehlo.code","not_in",[500,502]])", "ehlo.code=501", Outcome::match},
        Truth{R"(["ehlo.code","not_in",[500,502]])", "", Outcome::unknown},
        Truth{R"(["tcp.rst_ttl_delta","<",-2])", "tcp.rst_ttl_delta=-3", Outcome::match},
        Truth{R"(["tcp.rst_ttl_delta","<",-2])", "tcp.rst_ttl_delta=3", Outcome::no_match},
        Truth{R"(["tcp.rst_ttl_delta","in",[-1,1]])", "tcp.rst_ttl_delta=-1", Outcome::match},
        Truth{R"(["base.mx.tls_rate",">=",1])", "base.mx.tls_rate=1.0", Outcome::match},
        Truth{R"(["base.mx.tls_rate",">=",0.95])", "base.mx.tls_rate=0.949", Outcome::no_match},
        Truth{R"(["auth.mechanism","==","PLAIN"])", "auth.mechanism=PLAIN", Outcome::match},
        Truth{R"(["auth.mechanism","==","PLAIN"])", "auth.mechanism=PLAI", Outcome::no_match},
        Truth{R"(["auth.mechanism","not_in",["PLAIN"]])", "auth.mechanism=NTLM", Outcome::match},
        Truth{R"(["dane.state","!=","secure"])", "dane.state=insecure", Outcome::match},
        Truth{R"(["dane.state","!=","secure"])", "", Outcome::unknown},
        Truth{R"(["ehlo.keywords","has","SIZE"])", "ehlo.keywords=DSN,SIZE", Outcome::match},
        Truth{R"(["ehlo.keywords","has","SIZE"])", "ehlo.keywords=DSN", Outcome::no_match},
        Truth{R"(["ehlo.keywords","lacks","SIZE"])", "ehlo.keywords=", Outcome::match},
        Truth{R"(["ehlo.keywords","lacks","SIZE"])", "", Outcome::unknown},
        Truth{R"(["cert.not_after","<","1970-01-01T00:00:01Z"])", "cert.not_after=999999999",
              Outcome::match}));

TEST(Evaluate, UnknownInUnlessBlocksForCaptureOnly) {
  const std::string_view base = "[[case]]\nwhen = [[\"tls.started\",\"==\",true]]\nunless = ";
  const auto outcome = [&](std::string_view clause) {
    return outcome_of(rule_with(std::string(base) + "[[" + std::string(clause) + ",\"==\",true]]"),
                      "tls.started=true");
  };
  EXPECT_EQ(outcome("\"capture.gap\""), Outcome::blocked);
  EXPECT_EQ(outcome("\"tls.completed\""), Outcome::match);
  EXPECT_EQ(outcome("\"capture.cut\""), Outcome::match) << "allow_unknown names it";
}

TEST(Evaluate, AllWhenAndOneAny) {
  const Rule rule = rule_with(R"([[case]]
when = [["tls.started","==",true],["tls.resumed","==",false]]
any = [["ehlo.code","==",1],["session.port","==",25]])");
  EXPECT_EQ(outcome_of(rule, "tls.started=true tls.resumed=false session.port=25"), Outcome::match);
  EXPECT_EQ(outcome_of(rule, "tls.started=true tls.resumed=false ehlo.code=1"), Outcome::match);
  EXPECT_EQ(outcome_of(rule, "tls.started=true tls.resumed=false"), Outcome::unknown);
  EXPECT_EQ(outcome_of(rule, "tls.started=true tls.resumed=false session.port=26"),
            Outcome::unknown);
  EXPECT_EQ(outcome_of(rule, "tls.started=true tls.resumed=false session.port=26 ehlo.code=2"),
            Outcome::no_match);
  EXPECT_EQ(outcome_of(rule, "tls.started=true tls.resumed=true session.port=25"),
            Outcome::no_match);
  EXPECT_EQ(outcome_of(rule, "tls.started=true session.port=25"), Outcome::unknown);
}

TEST(Evaluate, FirstCaseThatHoldsSpeaks) {
  const Rule rule = rule_with(R"([[case]]
when = [["ehlo.code",">=",500]]
severity = "critical"
confidence = "certain"
reason = "a"
tlsrpt = { result = "tlsa-invalid", reason = "x" }
[[case]]
when = [["ehlo.code",">=",400]]
unless = [["session.port","==",587]]
severity = "low"
tlsrpt = { result = "none" }
[[case]]
when = [["ehlo.code",">=",300]]
reason = "c")");
  Evaluation e = evaluate(rule, At::greeting, TestEvidence("ehlo.code=500"), {});
  EXPECT_EQ(e.outcome, Outcome::match);
  EXPECT_EQ(e.matched, rule.cases.data());
  EXPECT_EQ(e.severity, Severity::critical);
  EXPECT_EQ(e.confidence, Confidence::certain);
  EXPECT_EQ(e.reason, "a");
  EXPECT_EQ(e.tlsrpt_result, "tlsa-invalid");
  EXPECT_EQ(e.tlsrpt_reason, "x");
  EXPECT_EQ(e.decisive, nullptr);
  e = evaluate(rule, At::greeting, TestEvidence("ehlo.code=400"), {});
  EXPECT_EQ(e.severity, Severity::low);
  EXPECT_EQ(e.confidence, Confidence::medium) << "the rule's own";
  EXPECT_EQ(e.tlsrpt_result, "") << "none: nothing to report";
  e = evaluate(rule, At::greeting, TestEvidence("ehlo.code=400 session.port=587"), {});
  EXPECT_EQ(e.reason, "c") << "a blocked case leaves the word to the next";
  EXPECT_EQ(e.severity, Severity::high);
  EXPECT_EQ(e.tlsrpt_result, "starttls-not-supported");
}

TEST(Evaluate, CapHoldsForEveryCase) {
  Rule rule = rule_with(
      "[[case]]\nwhen = [[\"ehlo.code\",\"==\",1]]\nseverity = \"critical\"\n"
      "[[case]]\nwhen = [[\"ehlo.code\",\"==\",2]]\nseverity = \"info\"");
  rule.severity_cap = Severity::medium;
  EXPECT_EQ(evaluate(rule, At::greeting, TestEvidence("ehlo.code=1"), {}).severity,
            Severity::medium);
  EXPECT_EQ(evaluate(rule, At::greeting, TestEvidence("ehlo.code=2"), {}).severity, Severity::info);
}

TEST(Evaluate, OnlyCasesOfThePointAndScope) {
  const Rule rule = rule_with(R"([[case]]
when = [["ehlo.code","==",1]]
reason = "greeting"
[[case]]
at = "mail"
when = [["ehlo.code","==",1]]
reason = "mail"
[[case]]
scope = "dns"
when = [["ehlo.code","==",1]]
reason = "dns"
[[case]]
scope = "retry"
at = "end"
when = [["ehlo.code","==",1]]
reason = "retry")");
  const TestEvidence evidence("ehlo.code=1");
  EXPECT_EQ(evaluate(rule, At::greeting, evidence, {}).reason, "greeting");
  EXPECT_EQ(evaluate(rule, At::mail, evidence, {}).reason, "mail");
  EXPECT_EQ(evaluate(rule, At::end, evidence, {}).reason, "retry");
  EXPECT_EQ(evaluate(rule, Scope::dns, At::greeting, evidence, {}).reason, "dns");
  EXPECT_EQ(evaluate(rule, Scope::session, At::end, evidence, {}).outcome, Outcome::no_match);
  const Evaluation none = evaluate(rule, At::handshake, evidence, {});
  EXPECT_EQ(none.outcome, Outcome::no_match);
  EXPECT_EQ(none.nearest, nullptr);
  EXPECT_EQ(none.decisive, nullptr);
}

TEST(Evaluate, NearMissNamesTheClauseOfTheNearestCase) {
  const Rule rule = rule_with(R"([[case]]
when = [["tls.started","==",true],["ehlo.code","==",1]]
[[case]]
when = [["tls.started","==",false],["base.mx.sessions",">=",20],["base.mx.tls_rate",">=",0.95]]
unless = [["capture.gap","==",true]])");
  TestEvidence evidence("tls.started=false base.mx.sessions=7");
  Evaluation e = evaluate(rule, At::greeting, evidence, {});
  EXPECT_EQ(e.outcome, Outcome::no_match);
  EXPECT_EQ(e.nearest, &rule.cases[1]);
  EXPECT_EQ(e.clauses_held, 1U);
  ASSERT_NE(e.decisive, nullptr);
  EXPECT_EQ(describe(*e.decisive, evidence), "base.mx.sessions >= 20 (is 7)");
  evidence.set("base.mx.sessions=20");
  e = evaluate(rule, At::greeting, evidence, {});
  EXPECT_EQ(e.outcome, Outcome::unknown);
  EXPECT_EQ(describe(*e.decisive, evidence), "base.mx.tls_rate >= 0.95 (is unknown)");
  evidence.set("base.mx.tls_rate=1 capture.gap=true");
  e = evaluate(rule, At::greeting, evidence, {});
  EXPECT_EQ(e.outcome, Outcome::blocked);
  EXPECT_EQ(describe(*e.decisive, evidence), "capture.gap == true (is true)");
}

TEST(Evaluate, StopsAskingAtTheFirstClauseThatFails) {
  const Rule rule =
      rule_with("[[case]]\nwhen = [[\"ehlo.code\",\"==\",1],[\"tls.started\",\"==\",true]]");
  const TestEvidence evidence("ehlo.code=2");
  (void)evaluate(rule, At::greeting, evidence, {});
  EXPECT_EQ(evidence.asked(), std::vector<Field>{Field::ehlo_code});
}

TEST(Evaluate, DescribesListsAndCutsLongText) {
  const Rule rule = rule_with(
      "[[case]]\nwhen = [[\"policy.protection\",\"in\",[\"dane\",\"pin\"]],"
      "[\"starttls.reply_text\",\"==\",\"x\"],[\"ehlo.keywords\",\"has\",\"A\"]]");
  const auto& when = rule.cases[0].when;
  EXPECT_EQ(describe(when[0], TestEvidence("policy.protection=none")),
            "policy.protection in [dane, pin] (is none)");
  EXPECT_EQ(describe(when[1], TestEvidence("starttls.reply_text=" + std::string(200, 'a'))),
            "starttls.reply_text == x (is " + std::string(80, 'a') + "...)");
  EXPECT_EQ(describe(when[2], TestEvidence("ehlo.keywords=SIZE,DSN")),
            "ehlo.keywords has A (is [SIZE, DSN])");
}

TEST(EvaluateDeathTest, AValueOfTheWrongTypeIsOurBug) {
  class Wrong : public FieldSource {
   public:
    [[nodiscard]] Value get(Field) const override { return Value::text("yes"); }
  };
  const Rule number = rule_with("[[case]]\nwhen = [[\"ehlo.code\",\"==\",1]]");
  EXPECT_DEATH((void)evaluate(number, At::greeting, Wrong(), {}), "");
  const Rule word = rule_with("[[case]]\nwhen = [[\"ehlo.starttls\",\"==\",\"absent\"]]");
  EXPECT_DEATH((void)evaluate(word, At::greeting, Wrong(), {}), "");
}

// ---------------------------------------------------------------- exemptions

// kGoodRule exempts 192.0.2.0/24; 2001:db8::1 until 2027-03-01; *.example.net; mx.example.org until
// the start of 2026; example.com; one issuer.
struct ExemptCase {
  std::string_view client, mx, domain, issuer, now;
  std::string_view reason;  // empty: not exempt
};

class Exempt : public testing::TestWithParam<ExemptCase> {};

TEST_P(Exempt, OrNot) {
  const ExemptCase& c = GetParam();
  const Rule rule = good_rule();
  const TestEvidence evidence(
      "ehlo.starttls=absent base.mx.sessions=20 session.port=25 capture.gap=false");
  Subject subject{std::nullopt, c.mx, c.domain, c.issuer, at(c.now)};
  if (!c.client.empty()) subject.client = IpAddress::parse(c.client).value();
  const Evaluation e = evaluate(rule, At::greeting, evidence, subject);
  EXPECT_EQ(e.outcome, c.reason.empty() ? Outcome::match : Outcome::exempt);
  EXPECT_EQ(e.exempt_reason, c.reason);
  EXPECT_EQ(e.severity, Severity::critical) << "what would have been said is still there";
}

constexpr std::string_view kIssuer =
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

INSTANTIATE_TEST_SUITE_P(
    Table, Exempt,
    testing::Values(
        ExemptCase{"", "", "", "", "2026-06-01T00:00:00Z", ""},
        ExemptCase{"192.0.2.200", "", "", "", "2026-06-01T00:00:00Z", "client 192.0.2.0/24"},
        ExemptCase{"198.51.100.1", "", "", "", "2026-06-01T00:00:00Z", ""},
        ExemptCase{"2001:db8::1", "", "", "", "2027-03-01T23:59:59Z",
                   "client 2001:db8::1: probe (ops)"},
        ExemptCase{"2001:db8::1", "", "", "", "2027-03-02T00:00:00Z", ""},
        ExemptCase{"", "mx1.example.net", "", "", "2026-06-01T00:00:00Z", "mx *.example.net"},
        ExemptCase{"", "a.mx1.example.net", "", "", "2026-06-01T00:00:00Z", ""},
        ExemptCase{"", "example.net", "", "", "2026-06-01T00:00:00Z", ""},
        ExemptCase{"", ".example.net", "", "", "2026-06-01T00:00:00Z", ""},
        ExemptCase{"", "mx1.notexample.net", "", "", "2026-06-01T00:00:00Z", ""},
        ExemptCase{"", "mx.example.org", "", "", "2026-01-01T00:00:00Z", "mx mx.example.org"},
        ExemptCase{"", "mx.example.org", "", "", "2026-01-01T00:00:01Z", ""},
        ExemptCase{"", "", "example.com", "", "2026-06-01T00:00:00Z", "policy_domain example.com"},
        ExemptCase{"", "example.com", "", "", "2026-06-01T00:00:00Z", ""},
        ExemptCase{
            "", "", "", kIssuer, "2026-06-01T00:00:00Z",
            "issuer_spki 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}));

// ---------------------------------------------------------------- throttle

TEST(Throttle, LetsMaxThroughInAWindow) {
  const Rule rule = good_rule();  // 2 per hour of (client.ip, mx.ip)
  Throttle throttle(HashKey{1, 2});
  const TestEvidence a("client.ip=192.0.2.1 mx.ip=198.51.100.1");
  const TestEvidence b("client.ip=192.0.2.1 mx.ip=198.51.100.2");
  const Time t0 = at("2026-11-21T08:00:00Z");
  EXPECT_TRUE(throttle.ask(rule, a, t0).pass);
  EXPECT_TRUE(throttle.ask(rule, a, t0 + kMinute).pass);
  EXPECT_FALSE(throttle.ask(rule, a, t0 + 2 * kMinute).pass);
  EXPECT_FALSE(throttle.ask(rule, a, t0 + (kHour - 1)).pass);
  EXPECT_TRUE(throttle.ask(rule, b, t0 + 2 * kMinute).pass) << "another key";
  const Throttle::Answer next = throttle.ask(rule, a, t0 + kHour);
  EXPECT_TRUE(next.pass);
  EXPECT_EQ(next.suppressed, 2U);
  EXPECT_EQ(throttle.ask(rule, a, t0 + (kHour + 1)).suppressed, 0U);
}

TEST(Throttle, KeysDoNotRunTogether) {
  const Rule rule = good_rule();
  Throttle throttle(HashKey{1, 2});
  const Time now = at("2026-11-21T08:00:00Z");
  for (int i = 0; i < 3; ++i) {
    (void)throttle.ask(rule, TestEvidence("client.ip=ab mx.ip=c"), now);
  }
  EXPECT_TRUE(throttle.ask(rule, TestEvidence("client.ip=a mx.ip=bc"), now).pass);
  EXPECT_TRUE(throttle.ask(rule, TestEvidence("client.ip=ab"), now).pass);
  Rule other = rule;
  other.id = "R02";
  EXPECT_TRUE(throttle.ask(other, TestEvidence("client.ip=ab mx.ip=c"), now).pass);
}

TEST(Throttle, WithoutAWindowEverythingPasses) {
  Rule rule = good_rule();
  rule.throttle = {};
  Throttle throttle(HashKey{1, 2});
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(throttle.ask(rule, TestEvidence(""), Time{}).pass);
  EXPECT_EQ(throttle.size(), 0U);
}

TEST(Throttle, AFullTableForgetsTheOldestAndNeverAnAlert) {
  const Rule rule = good_rule();
  Throttle throttle(HashKey{1, 2}, 100);
  const Time now = at("2026-11-21T08:00:00Z");
  for (int i = 0; i < 1'000; ++i) {
    const TestEvidence evidence("client.ip=" + std::to_string(i));
    EXPECT_TRUE(throttle.ask(rule, evidence, now + i).pass);
    EXPECT_LE(throttle.size(), 100U);
  }
  EXPECT_TRUE(throttle.ask(rule, TestEvidence("client.ip=0"), now + 2'000).pass);
}

}  // namespace
}  // namespace mxw::rules
