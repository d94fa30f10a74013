# For a package that specializes itself: it is built for a folder of the build, and brought to its outputs
# between installation and fixup. So no compiler sees the outputs' paths, and what a compiler cache has is
# found again though they change; and what strips, compresses and checks sees the final ones.
#
# `postlinkFlags` has the options of `postlink specialize`, such as `--set version=2.97.0`: a list, or
# words.

declare -gA postlinkOutputs=()

# Sourced before any phase: the phases see the folders as their outputs.
postlinkRedirect() {
    local output final folder
    # As the store is there, for an output that is a file.
    mkdir -p "$NIX_BUILD_TOP/unspecialized"
    for output in $(getAllOutputNames); do
        final=${!output}
        # At least as long as the final path, which a RUNPATH of another output has to take.
        folder=$NIX_BUILD_TOP/unspecialized/$output-${final//?/_}
        postlinkOutputs[$output]=$final
        export "$output=$folder"
        # Where other hooks named it for the linker.
        export NIX_LDFLAGS=${NIX_LDFLAGS-}
        NIX_LDFLAGS=${NIX_LDFLAGS//"$final"/"$folder"}
        if [ "${prefix-}" = "$final" ]; then prefix=$folder; fi
    done
}
postlinkRedirect

postlinkSpecializePhase() {
    local output final repack=--repack trees=() flags=()
    # In a compressed file Nix does not replace the path that it builds a content-addressed output at.
    if [ -n "${outputHashMode-}" ]; then
        repack=
        echo "postlink: content-addressed outputs: no compressed file is rewritten" >&2
    fi
    for output in $(getAllOutputNames); do
        final=${postlinkOutputs[$output]}
        if [ -e "$final" ] || [ -L "$final" ]; then
            echo "postlink: $final was made before it was specialized: the build has its path from Nix, as from" \
                "\`placeholder \"$output\"\`. Name it \$$output, in a phase or in a hook" >&2
            exit 1
        fi
        if [ -L "${!output}" ]; then
            echo "postlink: the output $output is itself a link, to $(readlink "${!output}"): make it a folder" >&2
            exit 1
        fi
        # What fixup makes is not there yet, but may be named.
        if [ -e "${!output}" ]; then
            trees+=(--output "${!output}=$final")
        else
            trees+=(--rewrite "${!output}=$final")
        fi
    done
    concatTo flags postlinkFlags postlinkFlagsArray
    @postlink@/bin/postlink specialize $repack "${trees[@]}" "${flags[@]}"
    for output in $(getAllOutputNames); do
        final=${postlinkOutputs[$output]}
        NIX_LDFLAGS=${NIX_LDFLAGS//"${!output}"/"$final"}
        if [ "${prefix-}" = "${!output}" ]; then prefix=$final; fi
        export "$output=$final"
    done
    # What was copied from the store is not writable, and fixup comes later.
    chmod -R u+w "$NIX_BUILD_TOP/unspecialized"
    rm -rf "$NIX_BUILD_TOP/unspecialized"
}
appendToVar preFixupPhases postlinkSpecializePhase
