mxw_test(rules_test SOURCES rules_test.cpp rules_shipped_test.cpp DEPS mxw_rules)
