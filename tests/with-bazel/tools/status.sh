#!/bin/sh
# tools/status.sh: Bazel keeps what follows a key that begins with STABLE_ in a file that actions
# depend on.
echo "STABLE_VERSION $(cat version.txt)"
