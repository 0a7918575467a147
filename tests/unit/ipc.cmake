mxw_test(ipc_test
  SOURCES ipc_line_test.cpp ipc_listener_test.cpp ipc_seqpacket_test.cpp
  DEPS mxw_ipc)
