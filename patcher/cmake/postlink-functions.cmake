# The functions for a project's CMakeLists.txt.

include_guard(GLOBAL)

include("${CMAKE_CURRENT_LIST_DIR}/postlink-words.cmake")

# postlink_generate(
#   TARGET SCHEMA FILE [SECTION NAME] [DEFAULT FIELD=VALUE…] [MACROS] [INCLUDE_PREFIX FOLDER]
#   [HEADERS VARIABLE])
#
# Gives the target, a program or library, a section of the schema: its record is compiled into the
# target, which finds the header SECTION.gen.hh, and so does each target that links it.
#
# SECTION         the section; by default that which is named like the target
# DEFAULT         replaces defaults of fields, as `postlink generate --default` does
# MACROS          also makes the header SECTION.macros.gen.hh, of the macros that fields have
# INCLUDE_PREFIX  the header is included as FOLDER/SECTION.gen.hh
# HEADERS         the variable that gets the paths of the headers, so that they can be installed
function(postlink_generate target)
  cmake_parse_arguments(
    PARSE_ARGV 1 arg "MACROS" "SCHEMA;SECTION;INCLUDE_PREFIX;HEADERS" "DEFAULT")
  _postlink_check_arguments("postlink_generate(${target})" "${ARGC}" "${ARGV}")
  _postlink_check_target(
    "postlink_generate(${target})" "${target}"
    EXECUTABLE SHARED_LIBRARY MODULE_LIBRARY STATIC_LIBRARY OBJECT_LIBRARY)
  if(NOT arg_SCHEMA)
    message(FATAL_ERROR "postlink_generate(${target}): SCHEMA FILE is missing")
  endif()
  get_property(languages GLOBAL PROPERTY ENABLED_LANGUAGES)
  if(NOT CXX IN_LIST languages)
    message(FATAL_ERROR "postlink_generate(${target}) makes C++: the project needs LANGUAGES CXX")
  endif()
  # A rule for a file is known in the directory that has it, and nowhere else.
  get_target_property(directory "${target}" SOURCE_DIR)
  if(NOT directory STREQUAL CMAKE_CURRENT_SOURCE_DIR)
    message(FATAL_ERROR "postlink_generate(${target}) has to stand where the target is made, "
                        "in ${directory}/CMakeLists.txt")
  endif()
  set(section "${target}")
  if(arg_SECTION)
    set(section "${arg_SECTION}")
  endif()

  get_filename_component(schema "${arg_SCHEMA}" ABSOLUTE)
  # One that another rule makes may not be there yet. What is read here is the text alone, so that a name
  # that stands for something else in it is refused as late as postlink is run.
  if(EXISTS "${schema}")
    file(READ "${schema}" schema_text)
    string(FIND "${schema_text}" "${section}" position)
    if(position EQUAL -1)
      message(FATAL_ERROR "postlink_generate(${target}): ${schema} has no section ${section}; name one "
                          "with SECTION NAME")
    endif()
  endif()
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/${target}.postlink")
  set(prefix "")
  if(arg_INCLUDE_PREFIX)
    set(prefix "${arg_INCLUDE_PREFIX}/")
  endif()
  set(source "${folder}/${section}.gen.cc")
  set(stamp "${folder}/${section}.gen.stamp")
  set(headers "${folder}/${prefix}${section}.gen.hh")
  set(arguments
      --quiet --schema "${schema}" --section "${section}" --out-header "${headers}"
      --out-source "${source}" --include "${prefix}${section}.gen.hh" --stamp "${stamp}")
  if(arg_MACROS)
    set(macros "${folder}/${prefix}${section}.macros.gen.hh")
    list(APPEND arguments --out-macros "${macros}")
    list(APPEND headers "${macros}")
  endif()
  foreach(value IN LISTS arg_DEFAULT)
    list(APPEND arguments --default "${value}")
  endforeach()
  get_property(made DIRECTORY PROPERTY POSTLINK_MADE)
  if(stamp IN_LIST made)
    message(FATAL_ERROR "postlink_generate(${target}) is called twice for the section ${section}")
  endif()
  set_property(DIRECTORY APPEND PROPERTY POSTLINK_MADE "${stamp}")

  file(MAKE_DIRECTORY "${folder}/${prefix}")
  # An unchanged header keeps its time, so that nothing is compiled without need. Only the stamp is
  # newer than the schema after each run.
  add_custom_command(
    OUTPUT "${stamp}"
    BYPRODUCTS "${source}" ${headers}
    COMMAND postlink::postlink generate ${arguments}
    DEPENDS "${schema}" "$<TARGET_FILE:postlink::postlink>"
    COMMENT "Generating ${section}.gen.hh of ${target}"
    VERBATIM)
  set_source_files_properties("${source}" ${headers} PROPERTIES SKIP_AUTOGEN ON SKIP_LINTING ON)
  target_sources("${target}" PRIVATE "${source}" ${headers} "${stamp}")
  target_include_directories("${target}" PUBLIC "$<BUILD_INTERFACE:${folder}>")
  target_compile_features("${target}" PUBLIC cxx_std_17)
  if(arg_HEADERS)
    set("${arg_HEADERS}" "${headers}" PARENT_SCOPE)
  endif()
endfunction()

# postlink_fill(
#   TARGET [SET FIELD=VALUE…] [VALUES FILE…] [DESTINATION FOLDER…] [OPTIONS OPTION…])
#
# Fills the target's file each time that it is installed, after CMake stripped it and wrote its RPATH.
# The build tree is left alone.
#
# SET          values of fields; `$<INSTALL_PREFIX>` in them is the prefix of the installation
# VALUES       files with values; one whose name does not tell its form has it in front, as `status:FILE`
# DESTINATION  where the target is installed; needed only if other files of its name are installed too
# OPTIONS      further options of `postlink fill`, which runs in the folder of the CMakeLists.txt
function(postlink_fill target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SET;VALUES;DESTINATION;OPTIONS")
  _postlink_check_arguments("postlink_fill(${target})" "${ARGC}" "${ARGV}")
  _postlink_check_target(
    "postlink_fill(${target})" "${target}"
    EXECUTABLE SHARED_LIBRARY MODULE_LIBRARY STATIC_LIBRARY)
  set(arguments ${arg_OPTIONS})
  # In one word each, also where a generator expression leaves nothing of the value.
  foreach(value IN LISTS arg_SET)
    list(APPEND arguments "--set=${value}")
  endforeach()
  foreach(file IN LISTS arg_VALUES)
    # The form that may stand in front, as `postlink fill --values` takes it.
    set(form "")
    if(file MATCHES "^(json|toml|status|env|os-release):(.*)$")
      set(form "${CMAKE_MATCH_1}:")
      set(file "${CMAKE_MATCH_2}")
    endif()
    get_filename_component(file "${file}" ABSOLUTE)
    list(APPEND arguments --values "${form}${file}")
  endforeach()
  if(NOT arguments)
    message(FATAL_ERROR "postlink_fill(${target}): no value is given; give some with SET or VALUES, "
                        "or fill with the defaults alone: OPTIONS --reset")
  endif()
  get_target_property(is_filled "${target}" POSTLINK_FILLED)
  if(is_filled)
    message(FATAL_ERROR "postlink_fill(${target}) is called twice: give all values in one call")
  endif()
  set_target_properties("${target}" PROPERTIES POSTLINK_FILLED TRUE)
  add_dependencies("${target}" postlink::postlink)

  # It stays as it is: the installation knows the prefix.
  string(REPLACE "$<INSTALL_PREFIX>" "$<1:$><INSTALL_PREFIX>" arguments "${arguments}")
  # What generator expressions become is known only in the file that they are evaluated in. So the words
  # are in one of their own, which nobody takes for CMake's code, and are counted where it is read.
  list(LENGTH arguments count)
  string(ASCII 31 separator)
  string(REPLACE ";" "${separator}" words "${arguments}${separator}\n")
  # Brackets that no text below closes: what is in it is a text, whatever it is.
  string(CONCAT texts "${arg_DESTINATION}" "${CMAKE_CURRENT_FUNCTION_LIST_DIR}"
                "${CMAKE_CURRENT_SOURCE_DIR}" "${CMAKE_CURRENT_BINARY_DIR}")
  set(level "==")
  while(texts MATCHES "]${level}")
    string(APPEND level "=")
  endwhile()
  set(open "[${level}[")
  set(close "]${level}]")
  set(script "${CMAKE_CURRENT_BINARY_DIR}/${target}.postlink/fill")
  # A generator of several configurations has a script for each.
  get_property(has_several GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
  if(has_several)
    set(suffix "-$<LOWER_CASE:$<CONFIG>>")
    set(installed_suffix "-\${_postlink_configuration}.cmake")
  else()
    set(suffix "")
    set(installed_suffix ".cmake")
  endif()
  file(GENERATE OUTPUT "${script}${suffix}.words" CONTENT "${words}" NEWLINE_STYLE UNIX)
  file(
    GENERATE
    OUTPUT "${script}${suffix}.cmake"
    CONTENT
      "include(${open}${CMAKE_CURRENT_FUNCTION_LIST_DIR}/postlink-install.cmake${close})
_postlink_fill_installed(
  ${open}${target}${close} ${open}$<TARGET_FILE_NAME:${target}>${close} ${open}${arg_DESTINATION}${close}
  ${open}${CMAKE_CURRENT_SOURCE_DIR}${close} ${open}$<TARGET_FILE:postlink::postlink>${close}
  ${open}${script}${suffix}.words${close} ${count})
")
  # After all rules of this directory, wherever the call stands; and again after those of the whole
  # project, for a target that another directory installs.
  set(places "${CMAKE_CURRENT_SOURCE_DIR}" "${CMAKE_SOURCE_DIR}")
  list(REMOVE_DUPLICATES places)
  foreach(place IN LISTS places)
    string(COMPARE EQUAL "${place}" "${CMAKE_SOURCE_DIR}" is_last)
    set(rule
        "string(TOLOWER \"\${CMAKE_INSTALL_CONFIG_NAME}\" _postlink_configuration)
set(_postlink_is_last ${is_last})
include(\"${script}${installed_suffix}\")")
    # What a deferred call is given is evaluated when it runs, unless it is in brackets.
    cmake_language(
      EVAL CODE
      "cmake_language(
        DEFER DIRECTORY [==[${place}]==] CALL install CODE [==[${rule}]==] ALL_COMPONENTS)")
  endforeach()
endfunction()

# Refuses what cmake_parse_arguments passes over, and words that CMake's lists would cut or join: they
# would become other values. `arg_…` are those of the function that calls this.
function(_postlink_check_arguments call count words)
  _postlink_wrong_words(wrong "${count}" "${words}")
  if(wrong)
    message(FATAL_ERROR "${call}: ${wrong}")
  elseif(DEFINED arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${call} does not know `${arg_UNPARSED_ARGUMENTS}`")
  elseif(DEFINED arg_KEYWORDS_MISSING_VALUES)
    message(FATAL_ERROR "${call}: nothing follows ${arg_KEYWORDS_MISSING_VALUES}")
  endif()
endfunction()

# Refuses a target that is none of these types.
function(_postlink_check_target call target)
  if(NOT TARGET "${target}")
    message(FATAL_ERROR "${call}: there is no target of this name yet; call it after add_library or "
                        "add_executable")
  endif()
  get_target_property(aliased "${target}" ALIASED_TARGET)
  get_target_property(is_imported "${target}" IMPORTED)
  get_target_property(type "${target}" TYPE)
  if(aliased)
    message(FATAL_ERROR "${call}: it is another name of ${aliased}; give that one")
  elseif(is_imported)
    message(FATAL_ERROR "${call}: the target is imported; only one that this project builds will do")
  elseif(NOT type IN_LIST ARGN)
    string(REPLACE ";" ", " types "${ARGN}")
    message(FATAL_ERROR "${call}: the target is of the type ${type}, and has no such file; "
                        "give one of the types ${types}")
  endif()
endfunction()
