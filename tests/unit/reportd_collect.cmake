mxw_test(reportd_collect_test
  SOURCES reportd_collector_test.cpp reportd_datagram_test.cpp reportd_feed_test.cpp
          reportd_tally_test.cpp
  DEPS mxw_reportd_collect)
