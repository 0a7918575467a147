// Every verb, by the file it stands in.
#pragma once

#include "cli/verb.hpp"

namespace mxw::cli {

extern const Verb kVerify;                                                       // verify.cpp
extern const Verb kEnforcementOff, kEnforcementOn, kEnforcementStatus;           // enforcement.cpp
extern const Verb kPolicyBypass, kPolicyPin, kPolicyReportOnly, kPolicyRelease;  // brake.cpp
extern const Verb kPolicyLint;                                                   // lint.cpp

extern const Verb kPolicyCheck;                               // check.cpp
extern const Verb kPolicyShow, kPolicyHistory, kPolicyList;   // policy_show.cpp
extern const Verb kPolicyRefresh, kPolicyRemove;              // policy_change.cpp
extern const Verb kPolicyImport, kPolicyExport;               // policy_files.cpp
extern const Verb kImpact;                                    // impact_verb.cpp
extern const Verb kExplain;                                   // explain.cpp
extern const Verb kMetrics;                                   // metrics.cpp
extern const Verb kReportList, kReportShow;                   // report_list.cpp
extern const Verb kReportBuild, kReportSend, kReportFetcher;  // report_build.cpp
extern const Verb kReportLint;                                // report_lint.cpp
extern const Verb kReportImport;                              // report_import.cpp
extern const Verb kReportInbox;                               // report_inbox.cpp

}  // namespace mxw::cli
