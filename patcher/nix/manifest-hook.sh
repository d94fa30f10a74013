# For a build derivation with an output `manifest`: it searches the other outputs once, so that no
# specialize derivation has to. It fails, and so does the build, if there is something in them that
# `specialize` could do nothing about.
#
# The manifest names the paths that it looked for, and Nix takes them for references: this is why it is
# an output of its own, and never a file in an output that users keep.

# The package is built as if that output were not there: with one output, nothing is split.
postlinkHideManifest() {
    local output left=
    if [ -n "${__structuredAttrs-}" ]; then
        unset 'outputs[manifest]'
    else
        for output in $outputs; do
            [ "$output" = manifest ] || left+="${left:+ }$output"
        done
        outputs=$left
    fi
}
postlinkHideManifest
# A word in a compressed page would not be found. The specialize derivation compresses them.
dontGzipMan=1

# `postlinkReferences` has the paths of other build derivations.
postlinkManifestPhase() {
    local output path repack=--repack trees=() others=() references=()
    # In a compressed file Nix does not replace the path that it builds a content-addressed output at.
    if [ -n "${outputHashMode-}" ]; then
        repack=
        echo "postlink: content-addressed outputs: no compressed file is rewritten" >&2
    fi
    for output in $(getAllOutputNames); do
        references+=(--reference "${!output}")
        # It is not specialized.
        [ "$output" = debug ] || trees+=("${!output}")
    done
    concatTo others postlinkReferences
    for path in "${others[@]}"; do references+=(--reference "$path"); done
    @postlink@/bin/postlink scan --quiet $repack --manifest "$manifest" "${references[@]}" "${trees[@]}"
}
# Behind all that changes or checks what is installed.
appendToVar postPhases postlinkManifestPhase
