# The version of these files and of the program beside them. Another minor version may ask for other
# options, until there is a version 1.
set(PACKAGE_VERSION 0.1.0)

if(PACKAGE_VERSION VERSION_LESS PACKAGE_FIND_VERSION)
  set(PACKAGE_VERSION_COMPATIBLE FALSE)
elseif(PACKAGE_FIND_VERSION_COUNT GREATER 0)
  string(REGEX MATCH "^[0-9]+\\.[0-9]+" postlink_minor "${PACKAGE_VERSION}")
  set(postlink_wanted "${PACKAGE_FIND_VERSION_MAJOR}.${PACKAGE_FIND_VERSION_MINOR}")
  if(postlink_minor VERSION_EQUAL postlink_wanted)
    set(PACKAGE_VERSION_COMPATIBLE TRUE)
  else()
    set(PACKAGE_VERSION_COMPATIBLE FALSE)
  endif()
  if(PACKAGE_VERSION VERSION_EQUAL PACKAGE_FIND_VERSION)
    set(PACKAGE_VERSION_EXACT TRUE)
  endif()
endif()
