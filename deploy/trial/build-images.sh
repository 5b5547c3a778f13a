#!/usr/bin/env bash
# Builds stand-ins for the images of docker-compose.yml and Dockerfile, and for testcontainers' reaper, on machines that
# cannot pull images. One is a Debian with Java and Python, the Kafka and the mongod of devstack's cache, mongosh from npm,
# and this machine's Node.js (20 or later). The other is a smaller Debian with the Python 3.11 of .venv, which must have its
# own folder. Needs root, debootstrap, npm and a Docker daemon. Only for tests of the Docker route. Use the real images
# elsewhere.
#   sudo deploy/trial/build-images.sh [folder that keeps the results of debootstrap for the next run]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=$here/../../.venv/bin/python
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
roots=${1:-$work/roots}

debian() { # name of the image, packages
  if [ ! -e "$roots/$1/etc/debian_version" ]; then
    mkdir -p "$roots"
    debootstrap --variant=minbase --include="$2" bookworm "$roots/$1"
  fi
  # Leave out what the official slim image leaves out, so that sizes can be compared.
  tar -C "$roots/$1" --exclude=./var/cache/apt/* --exclude=./var/lib/apt/lists/* --exclude=./usr/share/doc/* \
    --exclude=./usr/share/man/* --exclude=./usr/share/locale/* --exclude=./proc/* --exclude=./sys/* --one-file-system -c . \
    | docker import - "rollcall-trial/$1" >/dev/null
}
debian base openjdk-17-jre-headless,ca-certificates-java,libcurl4,liblzma5,libstdc++6,python3,procps
debian slim ca-certificates,netbase,tzdata,libssl3,libffi8,libsqlite3-0,libbz2-1.0,liblzma5,libreadline8,libncursesw6,\
zlib1g,libexpat1,libuuid1

context=$work/context
mkdir "$context"
cd "$here/../.."
cp -r "$("$python" -c 'from devstack.packages import kafka_jars; print(kafka_jars())')" "$context/kafka"
cp -r "$("$python" -c 'from devstack.packages import mongod; print(mongod())')" "$context/mongod"
npm install --silent --no-audit --no-fund --prefix "$context/mongosh" mongosh@2.3.9 >/dev/null
cp "$(readlink -f "$(command -v node)")" "$context/node"
mkdir "$context/python"
tar -C "$("$python" -c 'import sys; print(sys.base_prefix)')" --exclude=__pycache__ --exclude=lib/python3.11/test \
  --exclude=lib/python3.11/site-packages/* --exclude=*.a -c bin/python3 bin/python3.11 lib include | tar -C "$context/python" -x
cp /etc/ssl/certs/ca-certificates.crt "$here"/*.sh "$here"/*.py "$here/log4j2.yaml" "$here/Dockerfile" "$context"

for image in kafka=apache/kafka:4.1.1 mongo=mongo:6.0 reaper=testcontainers/ryuk:0.8.1 python=python:3.11-slim-bookworm; do
  DOCKER_BUILDKIT=0 docker build --quiet --target "${image%%=*}" --tag "${image#*=}" "$context" >/dev/null 2>"$work/said" \
    || { cat "$work/said"; exit 1; }
  echo "built ${image#*=}"
done
