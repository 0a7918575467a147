// Every verb, by the file it stands in.
#pragma once

#include "cli/verb.hpp"

namespace mxw::cli {

extern const Verb kVerify;                                                       // verify.cpp
extern const Verb kEnforcementOff, kEnforcementOn, kEnforcementStatus;           // enforcement.cpp
extern const Verb kPolicyBypass, kPolicyPin, kPolicyReportOnly, kPolicyRelease;  // brake.cpp
extern const Verb kPolicyLint;                                                   // lint.cpp

extern const Verb kPolicyCheck;  // check.cpp

}  // namespace mxw::cli
