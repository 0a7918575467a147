find_package(OpenSSL REQUIRED COMPONENTS Crypto)
mxw_test(dkim_test SOURCES dkim_test.cpp dkim_oracle_test.cpp DEPS mxw_dkim OpenSSL::Crypto)
