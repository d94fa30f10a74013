#!/bin/sh
# fill.sh POSTLINK FILE OPTIONS…: fills a file that meson has installed, from its path below the
# prefix, or its absolute path. Meson sets the variables, also for an install with DESTDIR.
set -eu
postlink=$1 file=$2
shift 2
case $file in
/*) file=${DESTDIR:-}$file ;;
*) file=$MESON_INSTALL_DESTDIR_PREFIX/$file ;;
esac
exec "$postlink" fill "$file" "$@"
