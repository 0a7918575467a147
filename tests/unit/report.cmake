mxw_test(report_test
  SOURCES report_test.cpp report_read_test.cpp report_mail_test.cpp report_samples_test.cpp
  DEPS mxw_report)
