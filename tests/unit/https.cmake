find_package(OpenSSL REQUIRED COMPONENTS SSL Crypto)
mxw_test(https_routable_test SOURCES https_routable_test.cpp DEPS mxw_https)
mxw_test(https_test SOURCES https_test.cpp https_post_test.cpp https_vectors_test.cpp
  DEPS mxw_https OpenSSL::SSL OpenSSL::Crypto)
