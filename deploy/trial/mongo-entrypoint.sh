#!/bin/sh
# Options alone are mongod's, and mongod does not run as root: as in the official image.
set -eu
case "${1:-}" in -*) set -- mongod "$@" ;; esac
[ "$1" = mongod ] || exec "$@"
shift
chown -R mongodb /data/db
exec setpriv --reuid mongodb --clear-groups env LD_LIBRARY_PATH=/opt/mongod /opt/mongod/mongod "$@"
