mxw_test(reportd_delivery_test
  SOURCES reportd_delivery_test.cpp reportd_fault_test.cpp reportd_lmtp_test.cpp
          reportd_smtp_test.cpp
  DEPS mxw_reportd_delivery)
