mxw_test(cli_test
  SOURCES cli_check_test.cpp cli_report_test.cpp cli_test.cpp
  DEPS mxw_cli)
