# What postlink_fill does when the project is installed.

cmake_policy(PUSH)
cmake_policy(VERSION 3.21)

include("${CMAKE_CURRENT_LIST_DIR}/postlink-words.cmake")

# Fills the files of this name that this run of the installation has installed so far.
#
# CMake lists them, without DESTDIR, in CMAKE_INSTALL_MANIFEST_FILES. A file that an earlier run
# installed is not among them: it is no longer there, or is of a component that is not installed now. A
# file that two rules install is among them twice, and is filled after both.
#
# The file of words has so many of them: the options of `postlink fill`.
function(_postlink_fill_installed target name destinations directory program words_file words_count)
  set(folders "")
  foreach(destination IN LISTS destinations)
    cmake_path(ABSOLUTE_PATH destination BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}" NORMALIZE)
    string(REGEX REPLACE "/$" "" destination "${destination}")
    list(APPEND folders "${destination}")
  endforeach()
  set(files "")
  foreach(file IN LISTS CMAKE_INSTALL_MANIFEST_FILES)
    cmake_path(NORMAL_PATH file)
    cmake_path(GET file FILENAME file_name)
    cmake_path(GET file PARENT_PATH folder)
    if(file_name STREQUAL name AND (NOT folders OR folder IN_LIST folders))
      list(APPEND files "${file}")
    endif()
  endforeach()
  list(LENGTH files count)
  set(different "${files}")
  list(REMOVE_DUPLICATES different)
  list(LENGTH different different_count)
  # The list grows. An earlier call, after the rules of a directory, has filled the first of them.
  get_property(filled_count GLOBAL PROPERTY "_postlink_filled_${target}")
  if(NOT filled_count)
    set(filled_count 0)
  endif()
  if(count EQUAL 0)
    if(_postlink_is_last AND NOT CMAKE_INSTALL_COMPONENT)
      if(destinations)
        message(FATAL_ERROR "postlink_fill(${target}): no ${name} is installed in ${destinations}")
      endif()
      message(STATUS "postlink_fill(${target}): ${name} is not installed, and not filled")
    endif()
    return()
  elseif(count EQUAL filled_count)
    return()
  elseif(different_count GREATER 1 AND NOT folders)
    string(REPLACE ";" ", " different "${different}")
    message(FATAL_ERROR "postlink_fill(${target}): several files of its name are installed: "
                        "${different}; name the folders that have the target: DESTINATION FOLDER…")
  endif()
  list(SUBLIST files ${filled_count} -1 files)
  list(REMOVE_DUPLICATES files)

  file(READ "${words_file}" arguments)
  if(arguments MATCHES "\\$<INSTALL_PREFIX>" AND CMAKE_INSTALL_PREFIX MATCHES "/_CPack_Packages/")
    message(FATAL_ERROR "postlink_fill(${target}): the prefix ${CMAKE_INSTALL_PREFIX} is the folder in "
                        "which CPack packs; it packs for CMAKE_INSTALL_PREFIX with "
                        "set(CPACK_SET_DESTDIR ON)")
  endif()
  string(REPLACE "$<INSTALL_PREFIX>" "${CMAKE_INSTALL_PREFIX}" arguments "${arguments}")
  string(ASCII 31 separator)
  string(REGEX REPLACE "${separator}\n$" "" arguments "${arguments}")
  string(REPLACE "${separator}" "\n" shown "${arguments}")
  string(REPLACE "${separator}" ";" arguments "${arguments}")
  _postlink_wrong_words(wrong "${words_count}" "${arguments}")
  if(wrong)
    message(FATAL_ERROR "postlink_fill(${target}): ${wrong}; with the prefix ${CMAKE_INSTALL_PREFIX}, "
                        "the options became:\n${shown}")
  endif()
  foreach(file IN LISTS files)
    get_property(owner GLOBAL PROPERTY "_postlink_target_of_${file}")
    if(owner AND NOT owner STREQUAL target)
      message(FATAL_ERROR "postlink_fill(${target}): ${file} was filled as the file of another target "
                          "of its name; name the folders of both: DESTINATION FOLDER…")
    endif()
    execute_process(
      COMMAND "${program}" fill "$ENV{DESTDIR}${file}" ${arguments}
      WORKING_DIRECTORY "${directory}"
      RESULT_VARIABLE ended)
    if(NOT ended EQUAL 0)
      message(FATAL_ERROR "postlink_fill(${target}): $ENV{DESTDIR}${file} is installed, but not filled")
    endif()
    set_property(GLOBAL PROPERTY "_postlink_target_of_${file}" "${target}")
  endforeach()
  set_property(GLOBAL PROPERTY "_postlink_filled_${target}" "${count}")
endfunction()

cmake_policy(POP)
