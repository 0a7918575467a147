mxw_test(ask_socket_test SOURCES ask_socket_test.cpp DEPS mxw_policyd_main)
