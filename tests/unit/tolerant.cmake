mxw_test(tolerant_test SOURCES tolerant_test.cpp DEPS mxw_policy)
