mxw_test(toml_test SOURCES toml_test.cpp DEPS mxw_toml)
