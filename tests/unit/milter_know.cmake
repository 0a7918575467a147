mxw_test(milter_join_test
  SOURCES milter_join_test.cpp
  DEPS mxw_milter_engine)
mxw_test(milter_knowledge_test
  SOURCES milter_complaints_test.cpp milter_knowledge_test.cpp
  DEPS mxw_milter_engine)
