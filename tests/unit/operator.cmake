mxw_test(operator_test
  SOURCES operator_parse_test.cpp operator_read_test.cpp operator_watch_test.cpp operator_write_test.cpp
  DEPS mxw_operator)
