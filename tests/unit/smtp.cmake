mxw_test(smtp_test SOURCES smtp_test.cpp smtp_split_test.cpp DEPS mxw_smtp)
