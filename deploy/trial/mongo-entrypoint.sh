#!/bin/sh
# As in the official image: options without a command are mongod's, and mongod does not run as root. Any user may start it.
set -eu
case "${1:-}" in -*) set -- mongod "$@" ;; esac
[ "$1" = mongod ] || exec "$@"
shift
export LD_LIBRARY_PATH=/opt/mongod
[ "$(id -u)" = 0 ] || exec /opt/mongod/mongod "$@"
chown -R mongodb /data/db
exec setpriv --reuid mongodb --clear-groups /opt/mongod/mongod "$@"
