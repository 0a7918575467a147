mxw_test(session_test
  SOURCES session_test.cpp session_evidence_test.cpp session_split_test.cpp
  DEPS mxw_session mxw_capture)
mxw_test(dnswire_test SOURCES dnswire_test.cpp DEPS mxw_dnswire)
