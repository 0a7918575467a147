mxw_test(x509_test SOURCES x509_test.cpp x509_tlsa_test.cpp DEPS mxw_x509)
