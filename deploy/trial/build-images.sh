#!/usr/bin/env bash
# Builds stand-ins for the images of docker-compose.yml, and for testcontainers' reaper, where images cannot be pulled:
# a Debian with Java and Python, the Kafka and the mongod of devstack's own cache, mongosh from npm, and this machine's
# Node.js (20 or later) to run it.
# Wants root, debootstrap, npm and a Docker daemon. For trying the Docker route only: use the real images elsewhere.
#   sudo deploy/trial/build-images.sh [folder of an earlier debootstrap]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=$here/../../.venv/bin/python
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

root=${1:-$work/root}
if [ ! -e "$root/etc/debian_version" ]; then
  debootstrap --variant=minbase \
    --include=openjdk-17-jre-headless,ca-certificates-java,libcurl4,liblzma5,libstdc++6,python3,procps bookworm "$root"
fi
tar -C "$root" --exclude=./var/cache/apt --exclude=./proc/* --exclude=./sys/* --one-file-system -c . \
  | docker import - rollcall-trial/base >/dev/null

context=$work/context
mkdir "$context"
cd "$here/../.."
cp -r "$("$python" -c 'from devstack.packages import kafka_jars; print(kafka_jars())')" "$context/kafka"
cp -r "$("$python" -c 'from devstack.packages import mongod; print(mongod())')" "$context/mongod"
npm install --silent --no-audit --no-fund --prefix "$context/mongosh" mongosh@2.3.9 >/dev/null
cp "$(readlink -f "$(command -v node)")" "$context/node"
cp "$here"/*.sh "$here"/*.py "$here/log4j2.yaml" "$here/Dockerfile" "$context"

for image in kafka=apache/kafka:4.1.1 mongo=mongo:6.0 reaper=testcontainers/ryuk:0.8.1; do
  DOCKER_BUILDKIT=0 docker build --quiet --target "${image%%=*}" --tag "${image#*=}" "$context" >/dev/null 2>"$work/said" \
    || { cat "$work/said"; exit 1; }
  echo "built ${image#*=}"
done
