mxw_test(decode_test SOURCES decode_test.cpp decode_fragments_test.cpp decode_corpus_test.cpp DEPS
             mxw_decode)
