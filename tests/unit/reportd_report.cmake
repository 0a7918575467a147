mxw_test(reportd_report_test
  SOURCES reportd_build_test.cpp reportd_intake_test.cpp reportd_week_test.cpp
  DEPS mxw_reportd_report)
