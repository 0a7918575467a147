mxw_test(map_knowledge_test SOURCES map_knowledge_test.cpp DEPS mxw_map_main)
