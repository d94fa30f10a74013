# Words that CMake's lists carry, or do not.

set(_postlink_uncarried
    "CMake cannot carry a `;`, a bracket without its other one, or a backslash at the end of a word")

# Whether a list has so many words, none of which its separators cut or join.
function(_postlink_count_words result count words)
  # As many words as were given, with as many separators; and one more, that the last does not join.
  set(words "${words};end")
  list(LENGTH words length)
  string(REGEX REPLACE "[^;]" "" separators "${words}")
  string(LENGTH "${separators}" separator_count)
  math(EXPR expected_length "${count} + 1")
  if(length EQUAL expected_length AND separator_count EQUAL count)
    set("${result}" TRUE PARENT_SCOPE)
  else()
    set("${result}" FALSE PARENT_SCOPE)
  endif()
endfunction()
