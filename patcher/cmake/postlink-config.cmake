# find_package(postlink): the program as the target postlink::postlink, and the functions
# postlink_generate and postlink_fill.
#
# POSTLINK_EXECUTABLE names the program. It runs on the machine that builds, also where the project is
# compiled for another one. Without it, these places have it: the prefix that these files are installed
# in, PATH, and the target folder of the source tree that they stand in.

if(CMAKE_VERSION VERSION_LESS 3.21)
  set(postlink_FOUND FALSE)
  set(postlink_NOT_FOUND_MESSAGE "postlink needs CMake 3.21, and this is ${CMAKE_VERSION}")
  return()
endif()
# A second call, or FetchContent before it.
if(TARGET postlink::postlink)
  set(postlink_FOUND TRUE)
  return()
endif()
cmake_policy(PUSH)
cmake_policy(VERSION 3.21)

find_program(
  POSTLINK_EXECUTABLE postlink
  DOC "The program postlink, of the machine that builds"
  HINTS "${CMAKE_CURRENT_LIST_DIR}/../../../bin"
  PATHS "${CMAKE_CURRENT_LIST_DIR}/../../target/release" "${CMAKE_CURRENT_LIST_DIR}/../../target/debug"
  NO_CMAKE_FIND_ROOT_PATH)

set(postlink_FOUND FALSE)
if(NOT POSTLINK_EXECUTABLE)
  string(
    CONCAT postlink_NOT_FOUND_MESSAGE
    "the program postlink is neither on PATH nor in ${CMAKE_CURRENT_LIST_DIR}/../../target; "
    "`cargo install --path patcher` in postlink's sources builds it, "
    "or name it with -D POSTLINK_EXECUTABLE=FILE")
else()
  execute_process(
    COMMAND "${POSTLINK_EXECUTABLE}" --version
    OUTPUT_VARIABLE postlink_said
    ERROR_QUIET
    RESULT_VARIABLE postlink_ended)
  if(NOT postlink_ended EQUAL 0 OR NOT postlink_said MATCHES "^postlink ([0-9.]+)")
    string(
      CONCAT postlink_NOT_FOUND_MESSAGE
      "${POSTLINK_EXECUTABLE} does not run here (${postlink_ended}); "
      "name the program of this machine with -D POSTLINK_EXECUTABLE=FILE")
  elseif(CMAKE_MATCH_1 VERSION_LESS postlink_VERSION)
    string(
      CONCAT postlink_NOT_FOUND_MESSAGE
      "${POSTLINK_EXECUTABLE} is version ${CMAKE_MATCH_1}, older than ${CMAKE_CURRENT_LIST_FILE}, "
      "version ${postlink_VERSION}; name a newer one with -D POSTLINK_EXECUTABLE=FILE")
  else()
    set(postlink_FOUND TRUE)
    add_executable(postlink::postlink IMPORTED GLOBAL)
    set_target_properties(postlink::postlink PROPERTIES IMPORTED_LOCATION "${POSTLINK_EXECUTABLE}")
    include("${CMAKE_CURRENT_LIST_DIR}/postlink-functions.cmake")
  endif()
endif()

cmake_policy(POP)
