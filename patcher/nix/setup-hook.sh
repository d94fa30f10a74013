# For a package that specializes itself in its last phase: it is built for a folder of the build, and
# brought to its outputs when all files are there. So no compiler sees the outputs' paths, and what a
# compiler cache has is found again though they change.
#
# `postlinkFlags` has the options of `postlink specialize`, such as `--set version=2.97.0`;
# `postlinkFlagsArray` those with spaces.

declare -A postlinkOutputs

# Sourced before any phase: the phases see the folders as their outputs.
postlinkRedirect() {
    local output final
    for output in $(getAllOutputNames); do
        final=${!output}
        postlinkOutputs[$output]=$final
        # At least as long as the final path, which a RUNPATH of another output has to take.
        export "$output=$NIX_BUILD_TOP/unspecialized/$output-${final//?/_}"
    done
    prefix=$out
}
postlinkRedirect

postlinkSpecialize() {
    local output trees=()
    for output in "${!postlinkOutputs[@]}"; do
        trees+=(--output "${!output}=${postlinkOutputs[$output]}")
    done
    # Split into words: they are options.
    # shellcheck disable=SC2206
    local flags=(${postlinkFlags-} "${postlinkFlagsArray[@]}")
    @postlink@/bin/postlink specialize "${trees[@]}" "${flags[@]}"
    for output in "${!postlinkOutputs[@]}"; do
        export "$output=${postlinkOutputs[$output]}"
    done
    prefix=$out
}
# After what fixup does to files (stripping, for one), and before the checks of what is installed.
postFixupHooks+=(postlinkSpecialize)
