#!/bin/sh
# cargo-build.sh CARGO PROFILE TARGET: builds the program `postlink` of this tree in a target folder, or in
# CARGO_TARGET_DIR if that is set, and prints its path.
set -eu
cargo=$1 profile=$2 target=${CARGO_TARGET_DIR:-$3}
# For the machine that builds, whatever the environment says of another one.
unset CARGO_BUILD_TARGET
# cargo takes a folder that is reached through a link for another one.
source=$(cd "$(dirname "$0")/../.." && pwd -P)

"$cargo" build --quiet --locked --manifest-path "$source/Cargo.toml" --package postlink-patcher \
    --bin postlink --profile "$profile" --target-dir "$target"
case $profile in dev) folder=debug ;; *) folder=$profile ;; esac
echo "$target/$folder/postlink"
