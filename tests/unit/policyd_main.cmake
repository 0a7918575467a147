find_package(nlohmann_json REQUIRED)
mxw_test(policyd_store_test SOURCES policyd_files_test.cpp policyd_names_test.cpp policyd_store_test.cpp
  DEPS mxw_policyd_main nlohmann_json::nlohmann_json)
