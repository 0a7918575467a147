mxw_test(resolve_answer_test SOURCES resolve_answer_test.cpp DEPS mxw_resolve)
mxw_test(resolve_test SOURCES resolve_test.cpp DEPS mxw_resolve)
