find_package(OpenSSL REQUIRED COMPONENTS SSL Crypto)
mxw_test(reportd_delivery_test
  SOURCES reportd_delivery_test.cpp reportd_fault_test.cpp reportd_lmtp_test.cpp
          reportd_post_test.cpp reportd_smtp_test.cpp
  DEPS mxw_reportd_delivery OpenSSL::SSL OpenSSL::Crypto)
