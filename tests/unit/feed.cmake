mxw_test(feed_test
  SOURCES feed_codec_test.cpp feed_socket_test.cpp
  DEPS mxw_feed)
