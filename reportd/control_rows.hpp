// How rows stand in the answers of the control socket: an object each, of TakenReport the members.
#pragma once

#include "core/base/json_writer.hpp"
#include "core/store/intake_rows.hpp"
#include "core/store/report_book.hpp"
#include "reportd/intake.hpp"

namespace mxw::reportd {

void append(JsonWriter& json, const store::DaySummary& day);
void append(JsonWriter& json, const store::ReportRow& row);
void append(JsonWriter& json, const store::DeliveryRow& row);
void append(JsonWriter& json, const store::IntakeDay& row);
void append(JsonWriter& json, const store::IntakeCause& row);
void append(JsonWriter& json, const store::IntakeReporter& row);
void append(JsonWriter& json, const TakenReport& taken);

}  // namespace mxw::reportd
