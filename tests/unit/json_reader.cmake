find_package(nlohmann_json REQUIRED)
mxw_test(json_reader_test SOURCES json_reader_test.cpp DEPS mxw_base nlohmann_json::nlohmann_json)
