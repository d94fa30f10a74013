#!/bin/sh
# cargo-build.sh PACKAGE OUTPUT DEPFILE ARTIFACT: builds a package of this tree offline and puts one
# file that cargo made, with its dependencies as make has them, where meson wants them.
set -eu
package=$1 output=$2 depfile=$3 artifact=$4
source=$(cd "$(dirname "$0")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$PWD/cargo}

cargo build --quiet --release --locked --offline --manifest-path "$source/Cargo.toml" \
    --config "$source/.cargo/config.toml" --target-dir "$target" --package "$package"
cp "$target/release/$artifact" "$output"
# cargo names the file that it made; ninja wants the name that it knows.
dependencies=$target/release/${artifact%.a}.d
sed "s|^[^:]*:|$output:|" "$dependencies" > "$depfile"
