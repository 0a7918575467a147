mxw_test(map_engine_test
  SOURCES
    map_answer_test.cpp
    map_answers_file_test.cpp
    map_netstring_test.cpp
    map_query_test.cpp
    map_reply_test.cpp
    map_session_test.cpp
    map_table_test.cpp
    map_vectors_test.cpp
    map_waiting_test.cpp
  DEPS mxw_map_engine)
mxw_test(map_server_test
  SOURCES map_server_test.cpp
  DEPS mxw_map_engine)
