#!/bin/sh
# stamped.sh POSTLINK [FIELD KEY STATUS]… -- ARGUMENTS…: runs postlink with these arguments, and with
# `--set FIELD=VALUE` for each KEY, whose line in the status file is `KEY VALUE`.
set -eu
postlink=$1
shift
# Each is appended behind the arguments.
while [ "$1" != -- ]; do
    field=$1 key=$2 status=$3
    shift 3
    if ! line=$(grep -m 1 "^$key " "$status") || [ -z "${line#"$key "}" ]; then
        echo "error: the workspace status has no value of \`$key\`, which the field \`$field\` takes" >&2
        echo "  = help: print the line \`$key VALUE\` in the program that --workspace_status_command names" >&2
        exit 1
    fi
    set -- "$@" --set "$field=${line#"$key "}"
done
shift
exec "$postlink" "$@"
