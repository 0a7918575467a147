mxw_test(event_loop_test SOURCES event_loop_test.cpp DEPS mxw_base)
