mxw_test(rules_test SOURCES rules_test.cpp DEPS mxw_rules)
