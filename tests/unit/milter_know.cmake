mxw_test(milter_join_test
  SOURCES milter_join_test.cpp
  DEPS mxw_milter_engine)
