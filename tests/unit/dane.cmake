mxw_test(dane_test SOURCES dane_test.cpp DEPS mxw_rows)
