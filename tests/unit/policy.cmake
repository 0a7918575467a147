mxw_test(policy_test
  SOURCES policy_test.cpp policy_dir_test.cpp policy_tlsrpt_test.cpp policy_vectors_test.cpp
  DEPS mxw_policy)
