find_package(nlohmann_json REQUIRED)
mxw_test(cli_store_test SOURCES cli_store_test.cpp DEPS mxw_cli nlohmann_json::nlohmann_json)
