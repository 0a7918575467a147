mxw_test(flow_test SOURCES flow_test.cpp flow_loss_test.cpp flow_oracle_test.cpp DEPS mxw_flow)
