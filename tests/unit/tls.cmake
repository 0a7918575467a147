find_package(OpenSSL 3.0 REQUIRED COMPONENTS SSL)
mxw_test(tls_test SOURCES tls_test.cpp tls_openssl_test.cpp DEPS mxw_tls OpenSSL::SSL)
