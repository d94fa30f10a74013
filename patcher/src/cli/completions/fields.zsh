# The names of a file's fields behind options such as --set, as `postlink complete-fields` tells them.
_postlink_fields() {
    local line asked
    local -a offers shown
    asked=$("$postlink_program" complete-fields $CURRENT "$postlink_program" "${(@Q)words}" 2>/dev/null)
    for line in "${(@f)asked}"; do
        [[ -n $line ]] || continue
        offers+=("${line%%$'\t'*}")
        shown+=("${line/$'\t'/  }")
    done
    if [[ $offers[1] == *= ]]; then
        compadd -S '' -l -d shown -a offers
    elif (( $#offers )); then
        compadd -l -d shown -a offers
    elif compset -P 1 '*='; then
        _files
    else
        _default
    fi
}
