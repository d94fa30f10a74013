# Words that CMake's lists carry, or do not.

# What is wrong with a list that has to have so many words: its separators cut or join some. Nothing, if
# they do not.
function(_postlink_wrong_words result count words)
  # As many words as were given, with as many separators; and one more, that the last does not join.
  set(words "${words};end")
  list(LENGTH words length)
  string(REGEX REPLACE "[^;]" "" separators "${words}")
  string(LENGTH "${separators}" separator_count)
  math(EXPR expected_length "${count} + 1")
  set(wrong "")
  if(NOT length EQUAL expected_length OR NOT separator_count EQUAL count)
    string(
      CONCAT wrong
      "CMake cannot carry a `;`, a bracket without its other one, or a backslash at the end of a word; "
      "such a value of postlink_fill may stand in a file, VALUES FILE")
  endif()
  set("${result}" "${wrong}" PARENT_SCOPE)
endfunction()
