// The rows of core/rows under the names the stores know them by.
#pragma once

#include "core/rows/policy_rows.hpp"
#include "core/rows/verdict_rows.hpp"

namespace mxw::store {

using rows::Change;
using rows::compare;
using rows::Deletion;
using rows::domain_state;
using rows::DomainRow;
using rows::DomainState;
using rows::DomainSubject;
using rows::EventRow;
using rows::kDetailBytes;
using rows::Key;
using rows::kFailuresOfDomain;
using rows::kNameBytes;
using rows::kRoutesOfDomain;
using rows::kTlsaBytes;
using rows::kTlsaOfBase;
using rows::kTlsrptBytes;
using rows::kWordBytes;
using rows::mode_of;
using rows::over_limit;
using rows::PathSubject;
using rows::PolicyChange;
using rows::PolicyFailureRow;
using rows::PolicyRow;
using rows::RereadRow;
using rows::RouteRow;
using rows::Sequence;
using rows::sequence_of;
using rows::SessionSubject;
using rows::Subject;
using rows::Table;
using rows::TlsaRow;
using rows::TlsrptRow;
using rows::verdict_state;
using rows::VerdictRow;
using rows::VerdictState;

}  // namespace mxw::store
