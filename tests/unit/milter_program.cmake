mxw_test(milter_record_test SOURCES milter_record_test.cpp milter_control_test.cpp
  DEPS mxw_milter_record)
