mxw_test(milter_record_test SOURCES milter_record_test.cpp milter_control_test.cpp milter_judge_file_test.cpp
  DEPS mxw_milter_record)
# A libmilter of the tests' own stands in for the system's.
mxw_test(milter_filter_test SOURCES fake_milter.cpp milter_filter_test.cpp
  DEPS mxw_milter_filter)
mxw_test(cli_milter_test SOURCES cli_explain_test.cpp cli_milter_test.cpp
  DEPS mxw_cli mxw_milter_engine mxw_milter_record)
