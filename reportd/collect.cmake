# Collecting: datagrams of mail servers, feeds of sensors, what policyd saw fail; tallied and committed.
