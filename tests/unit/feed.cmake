mxw_test(feed_test
  SOURCES feed_codec_test.cpp
  DEPS mxw_feed)
