# The version of these files and of the program beside them. Another minor version may ask for other
# options, until there is a version 1.
set(PACKAGE_VERSION 0.1.0)

if(PACKAGE_VERSION VERSION_LESS PACKAGE_FIND_VERSION)
  set(PACKAGE_VERSION_COMPATIBLE FALSE)
elseif(PACKAGE_FIND_VERSION_COUNT GREATER 0)
  # `find_package(postlink 0)` names no minor version.
  set(postlink_part "^[0-9]+")
  if(PACKAGE_FIND_VERSION_COUNT GREATER 1)
    set(postlink_part "^[0-9]+\\.[0-9]+")
  endif()
  string(REGEX MATCH "${postlink_part}" postlink_own "${PACKAGE_VERSION}")
  string(REGEX MATCH "${postlink_part}" postlink_wanted "${PACKAGE_FIND_VERSION}")
  if(postlink_own VERSION_EQUAL postlink_wanted)
    set(PACKAGE_VERSION_COMPATIBLE TRUE)
  else()
    set(PACKAGE_VERSION_COMPATIBLE FALSE)
  endif()
  if(PACKAGE_VERSION VERSION_EQUAL PACKAGE_FIND_VERSION)
    set(PACKAGE_VERSION_EXACT TRUE)
  endif()
endif()
