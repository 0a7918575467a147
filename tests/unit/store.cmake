mxw_test(store_test
  SOURCES store_sqlite_test.cpp store_policy_test.cpp store_feed_test.cpp store_prune_test.cpp
          store_kill_test.cpp store_sensor_test.cpp store_milter_test.cpp store_tlsrpt_test.cpp store_sensor_memory_test.cpp store_report_test.cpp store_trouble_test.cpp
  DEPS mxw_store)
