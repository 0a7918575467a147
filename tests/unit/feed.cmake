mxw_test(feed_test
  SOURCES feed_cache_test.cpp feed_codec_test.cpp feed_replica_test.cpp feed_socket_test.cpp
  DEPS mxw_feed)
