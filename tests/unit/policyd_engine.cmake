mxw_test(refresh_test SOURCES refresh_test.cpp refresh_walk_test.cpp DEPS mxw_policyd_engine)
