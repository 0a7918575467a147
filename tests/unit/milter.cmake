mxw_test(milter_parts_test
  SOURCES
    milter_auth_results_test.cpp
    milter_decide_test.cpp
    milter_deferrals_test.cpp
    milter_lists_test.cpp
    milter_recipient_test.cpp
  DEPS mxw_milter_engine)
mxw_test(milter_session_test
  SOURCES
    milter_never_test.cpp
    milter_results_test.cpp
    milter_session_test.cpp
  DEPS mxw_milter_engine)
