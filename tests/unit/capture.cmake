mxw_test(capture_test SOURCES capture_test.cpp capture_pcapng_test.cpp capture_corpus_test.cpp DEPS mxw_capture)
