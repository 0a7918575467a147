mxw_test(dns_test SOURCES dns_test.cpp DEPS mxw_dns)
