# Collecting: datagrams of mail servers, feeds of sensors, what policyd saw fail; tallied and committed.
mxw_library(mxw_reportd_collect
  SOURCES
    collector.cpp
    collector_socket.cpp
    datagram.cpp
    datagram_scan.cpp
    datagram_text.cpp
    datagram_values.cpp
    policy_failures.cpp
    sensor_feed.cpp
    sensor_message.cpp
    tally.cpp
    tally_source.cpp
    tally_writer.cpp
  DEPS mxw_base mxw_ipc mxw_mail mxw_policy mxw_rows mxw_store)
