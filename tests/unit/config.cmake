mxw_test(config_test SOURCES config_test.cpp config_report_test.cpp config_shipped_test.cpp DEPS mxw_config)

# Prints what config_test compares: `config_doc docs > docs/config.md`, `config_doc file >
# packaging/mxwarden.toml`.
add_executable(config_doc config_doc.cpp)
target_link_libraries(config_doc PRIVATE mxw_config mxw_warnings mxw_hardening)
