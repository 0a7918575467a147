mxw_test(feed_test
  SOURCES feed_ask_test.cpp feed_cache_test.cpp feed_codec_test.cpp feed_failure_test.cpp feed_file_test.cpp
    feed_lookup_test.cpp feed_replica_test.cpp feed_socket_test.cpp
    feed_verdict_test.cpp
  DEPS mxw_feed)
