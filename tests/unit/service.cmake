mxw_test(service_test SOURCES service_test.cpp service_metrics_test.cpp DEPS mxw_service)
mxw_test(service_sandbox_test SOURCES service_sandbox_test.cpp DEPS mxw_service)
mxw_test(service_http_test SOURCES service_http_test.cpp service_scrape_test.cpp
  DEPS mxw_service)
mxw_test(service_daemon_test SOURCES service_daemon_test.cpp service_settings_test.cpp
  DEPS mxw_service)
