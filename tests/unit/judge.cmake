mxw_test(judge_test SOURCES judge_test.cpp judge_map_test.cpp DEPS mxw_judge)
