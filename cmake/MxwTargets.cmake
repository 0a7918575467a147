# Interface targets every library and program of mxwarden links, and the two functions that make them.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

find_program(MXW_CCACHE ccache)
if(MXW_CCACHE)
  # A precompiled header carries times and macros that do not change what a source compiles to.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime "${MXW_CCACHE}")
endif()

add_library(mxw_warnings INTERFACE)
target_compile_options(mxw_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual -Wformat=2 -Wimplicit-fallthrough)
option(MXW_WERROR "warnings are errors" ON)
if(MXW_WERROR)
  target_compile_options(mxw_warnings INTERFACE -Werror)
endif()

set(MXW_SANITIZE "" CACHE STRING "value of -fsanitize=, empty for none")
# The preset asan leaves out UBSan's checks of every pointer and calls ASan's instead of inlining them:
# they double the time of a build. AddressSanitizer finds null pointers by itself; the preset fuzz
# keeps all of them.
set(MXW_SANITIZE_OPTIONS "" CACHE STRING "further options of the sanitizers, a list")
add_library(mxw_hardening INTERFACE)
target_compile_options(mxw_hardening INTERFACE -fstack-protector-strong -fno-omit-frame-pointer)
if(NOT MXW_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(mxw_hardening INTERFACE -fstack-clash-protection)
endif()
target_compile_definitions(mxw_hardening INTERFACE
  $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2> _GLIBCXX_ASSERTIONS)
target_link_options(mxw_hardening INTERFACE -Wl,-z,relro,-z,now)
if(MXW_SANITIZE)
  target_compile_options(mxw_hardening INTERFACE
    -fsanitize=${MXW_SANITIZE} -fno-sanitize-recover=all -U_FORTIFY_SOURCE ${MXW_SANITIZE_OPTIONS})
  target_link_options(mxw_hardening INTERFACE -fsanitize=${MXW_SANITIZE})
endif()

# Half of the time of a build goes into the same standard headers: one precompiled header for all of
# the tree, one with GoogleTest for the tests. A file must still include what it uses: the presets
# without MXW_PCH (release, fuzz, tidy) compile every file alone.
option(MXW_PCH "precompile standard headers" OFF)
set(MXW_PCH_HEADERS
  <algorithm> <array> <cstdint> <cstring> <deque> <expected> <functional> <map> <memory> <optional>
  <set> <span> <string> <string_view> <unordered_map> <utility> <variant> <vector>)
if(MXW_PCH)
  # GCC 12 takes what comes out of a precompiled header for our code and warns of the library's own.
  target_compile_options(mxw_warnings INTERFACE
    -Wno-array-bounds -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread)
  add_library(mxw_pch OBJECT ${PROJECT_SOURCE_DIR}/cmake/pch.cpp)
  target_link_libraries(mxw_pch PRIVATE mxw_warnings mxw_hardening)
  target_precompile_headers(mxw_pch PRIVATE ${MXW_PCH_HEADERS})
endif()

# mxw_precompiled(TARGET HEADERS): TARGET's sources begin with the headers of the target HEADERS.
function(mxw_precompiled name headers)
  if(MXW_PCH)
    target_precompile_headers(${name} REUSE_FROM ${headers})
    # The header was compiled so; a program's own sources would be -fPIE, which does not fit it.
    target_compile_options(${name} PRIVATE -fPIC)
  endif()
endfunction()

# With sanitizers a source costs more for what it includes than for itself: the preset asan compiles the
# sources of a target some at a time. Those of cmake/MxwAlone.cmake have names at file scope that a
# neighbour has too, and stay alone.
option(MXW_UNITY "compile several sources of a target at once" OFF)
include(MxwAlone)
function(mxw_united name)
  if(MXW_UNITY)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6)
    file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
    foreach(source ${ARGN})
      if("${folder}/${source}" IN_LIST MXW_ALONE)
        set_source_files_properties(${source} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
      endif()
    endforeach()
  endif()
endfunction()

# mxw_library(NAME SOURCES a.cpp ... DEPS mxw_x ...): one static library per folder.
function(mxw_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${ARG_DEPS} PRIVATE mxw_warnings mxw_hardening)
  target_link_options(${name} PUBLIC $<TARGET_PROPERTY:mxw_hardening,INTERFACE_LINK_OPTIONS>)
  mxw_precompiled(${name} mxw_pch)
  mxw_united(${name} ${ARG_SOURCES})
endfunction()

# mxw_program(NAME SOURCES a.cpp ... DEPS mxw_x ...)
function(mxw_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} mxw_warnings mxw_hardening)
  mxw_precompiled(${name} mxw_pch)
  mxw_united(${name} ${ARG_SOURCES})
endfunction()
