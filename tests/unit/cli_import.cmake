mxw_test(cli_import_test SOURCES cli_import_test.cpp DEPS mxw_cli mxw_policyd_main)
