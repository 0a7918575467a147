# mxwarden_version.hpp, in the build tree: what --version and the manifest say. Linking mxw_version
# makes it visible.
find_package(Git QUIET)
set(MXW_COMMIT "unknown")
if(GIT_FOUND)
  execute_process(COMMAND ${GIT_EXECUTABLE} rev-parse --short=12 HEAD
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
    OUTPUT_VARIABLE MXW_COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
# A new commit configures anew: what --version and the manifest name is what was built.
if(EXISTS ${PROJECT_SOURCE_DIR}/.git/logs/HEAD)
  set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/.git/logs/HEAD)
endif()
configure_file(${CMAKE_CURRENT_LIST_DIR}/version.hpp.in
  ${PROJECT_BINARY_DIR}/generated/mxwarden_version.hpp @ONLY)

add_library(mxw_version INTERFACE)
target_include_directories(mxw_version INTERFACE ${PROJECT_BINARY_DIR}/generated)
