# The names of a file's fields behind options such as --set, as `postlink complete-fields` tells them.
_postlink_fields() {
    local words=() at=0 index last line value reply word
    # Bash splits words at `=`.
    for index in "${!COMP_WORDS[@]}"; do
        word=${COMP_WORDS[index]}
        last=$((${#words[@]} - 1))
        if [[ $last -ge 0 && $index -le $COMP_CWORD &&
            ( $word == =* || ${words[last]} == *= && -n $word ) ]]; then
            words[last]+=$word
        else
            words+=("$word")
        fi
        [[ $index -eq $COMP_CWORD ]] && at=$((${#words[@]} - 1))
    done
    word=${words[at]}
    value=$word
    [[ $word == --*=* ]] && value=${word#*=}
    COMPREPLY=()
    while IFS= read -r line; do
        reply=${line%%$'\t'*}
        [[ $reply == "$value"* ]] || continue
        if [[ $COMP_WORDBREAKS != *=* ]]; then
            reply=${word%"$value"}$reply
        elif [[ $value == *=* ]]; then
            reply=${reply#*=}
        fi
        [[ $reply == *= ]] && compopt -o nospace 2>/dev/null
        COMPREPLY+=("$reply")
    done < <("$1" complete-fields "$at" "${words[@]}" 2>/dev/null)
    [[ ${#COMPREPLY[@]} -gt 0 ]]
}

_postlink_with_fields() {
    _postlink_fields "$1" || _postlink "$@"
}
